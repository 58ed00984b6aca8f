use crate::support::{FILES, Place, same};

/// The newcomer's way: the demo, then the commands it names, then an index of one's own.
#[test]
fn the_demo_and_all_it_leads_to() {
    let place = Place::new();
    let first = place.call("demo --threads 1");
    assert_eq!(first.code, Some(0), "{first:?}");
    assert!(first.stdout.contains("popularity") && first.stdout.contains("Try next:"), "{first:?}");
    std::fs::create_dir(place.path("kept")).unwrap();
    for name in FILES {
        place.write(&format!("kept/{name}"), place.bytes(&format!("nearfield-demo/{name}")));
    }

    // Again, over its own folder, on more threads: the same files.
    let second = place.json("demo --threads 2");
    same(&place.path("kept"), &place.path("nearfield-demo"), &FILES);
    let figure = |of: &str, name: &str| second[of][name].as_f64().unwrap();
    assert!(figure("metrics", "recall@20") > 2.0 * figure("baseline", "recall@20"), "{second}");
    assert!(figure("metrics", "ndcg@20") > 2.0 * figure("baseline", "ndcg@20"), "{second}");
    assert!(figure("metrics", "coverage@20") > 5.0 * figure("baseline", "coverage@20"), "{second}");
    assert!(second["same_group_share"].as_f64().unwrap() > 0.9, "{second}");

    for command in second["next"].as_array().unwrap() {
        let line = command.as_str().unwrap();
        // A train of its own takes as long as the demo.
        if !line.contains(" run ") {
            let answer = std::process::Command::new("sh")
                .args(["-c", line])
                .current_dir(place.path(""))
                .output()
                .unwrap();
            assert!(answer.status.success(), "{line}: {answer:?}");
        }
    }
    neighbors_share_the_group(&place);
    recommendations_leave_out_what_the_user_has(&place);
}

fn neighbors_share_the_group(place: &Place) {
    let found = place.json("neighbors --vectors nearfield-demo/items.safetensors jazz-001 rock-002 -k 5");
    let results = found["results"].as_array().unwrap();
    assert_eq!(results.len(), 2);
    for (result, (key, group)) in results.iter().zip([("jazz-001", "jazz"), ("rock-002", "rock")]) {
        assert_eq!(result["key"], key);
        let neighbors = result["neighbors"].as_array().unwrap();
        assert_eq!(neighbors.len(), 5);
        let of_group = neighbors.iter().filter(|n| n["key"].as_str().unwrap().starts_with(group)).count();
        assert!(of_group >= 4, "{result}");
        assert!(neighbors[0]["score"].as_f64() >= neighbors[4]["score"].as_f64());
    }
}

fn recommendations_leave_out_what_the_user_has(place: &Place) {
    let keys = |words: &str| -> Vec<String> {
        let found = place.json(&format!("recommend --model nearfield-demo {words}"));
        found["items"].as_array().unwrap().iter().map(|i| i["key"].as_str().unwrap().to_owned()).collect()
    };
    let log = String::from_utf8(place.bytes("nearfield-demo/log.csv")).unwrap();
    let mut clicks: Vec<&str> =
        log.lines().filter_map(|l| l.strip_prefix("user-0007,")?.split(',').next()).collect();
    clicks.pop(); // the last one was held out
    let for_user = keys("--user user-0007 -k 50");
    assert_eq!(for_user.len(), 50);
    assert!(for_user.iter().all(|key| !clicks.contains(&key.as_str())), "{for_user:?} of {clicks:?}");
    // A user is their history.
    assert_eq!(keys(&format!("--history {} --k 50", clicks.join(","))), for_user);
    assert_eq!(keys(&format!("--item {} -k 50", clicks.join(" "))), for_user);
    let with_seen = keys("--user user-0007 -k 50 --keep-seen");
    assert!(with_seen.iter().any(|key| clicks.contains(&key.as_str())));

    let near = place.call("recommend --model nearfield-demo --item jaz-001");
    assert_eq!((near.code, near.stdout.as_str()), (Some(1), ""));
    assert!(near.stderr.contains("unknown item \"jaz-001\"; did you mean jazz-001"), "{near:?}");
    let user = place.call("recommend --model nearfield-demo --user user-9999");
    assert!(user.stderr.starts_with("error: unknown user \"user-9999\"; did you mean"), "{user:?}");
    let empty = place.call("recommend --model nearfield-demo --history ,");
    assert_eq!(empty.stderr, "error: the history is empty: give at least one item\n");
    let all = place.call("recommend --model nearfield-demo --item jazz-001 -k 100000 --json");
    assert_eq!(all.code, Some(0));
    assert!(all.stderr.contains("all are given"), "{all:?}");
}
