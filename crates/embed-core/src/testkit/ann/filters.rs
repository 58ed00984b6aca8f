//! Every kind of filter on the main case.

use super::cases::Main;
use crate::{Bitmap, Filter, SearchRequest};

pub(super) fn run(main: &Main<'_>) {
    let case = &main.case;
    #[expect(clippy::cast_possible_truncation, reason = "a test builds fewer than 2³² vectors")]
    let n = case.n() as u32;
    let request = |k| SearchRequest::k(k).effort(case.suite.effort);
    let every = |step: usize| (0..n).step_by(step).collect::<Vec<u32>>();
    // Ids that are not in the index are no error: a list of seen items may be newer than the index.
    let beyond = [every(11), vec![n, n + 1, u32::MAX]].concat();
    let half: Vec<u64> = vec![0x5555_5555_5555_5555; case.n().div_ceil(64)];
    let third = |id: u32| id.is_multiple_of(3);
    let (none, all) = (|_: u32| false, |_: u32| true);
    for filter in [
        Filter::All,
        Filter::Deny(&[]),
        Filter::Deny(&every(2)),
        Filter::Deny(&beyond),
        Filter::Allow(&every(2)),
        Filter::Allow(&every(37)),
        Filter::Allow(&beyond),
        Filter::Allow(&[n / 2]),
        Filter::Bitmap(Bitmap(&half)),
        Filter::Bitmap(Bitmap(&half[..1])),
        Filter::Where(&third),
        Filter::Where(&all),
    ] {
        main.demand_mean(&request(10).filter(filter));
        case.demand(&main.query(3), &request(usize::MAX).filter(filter));
    }
    // What is nearest is banned.
    let nearest: Vec<u32> = case.exact(&main.query(4), &request(40)).iter().map(|n| n.id).collect();
    let mut banned = nearest.clone();
    banned.sort_unstable();
    main.demand_mean(&request(10).filter(Filter::Deny(&banned)));
    case.demand(&main.query(4), &request(10).filter(Filter::Deny(&banned)));

    for filter in [
        Filter::Allow(&[]),
        Filter::Allow(&[n, u32::MAX]),
        Filter::Deny(&every(1)),
        Filter::Bitmap(Bitmap(&[])),
        Filter::Where(&none),
    ] {
        for request in [request(10), request(usize::MAX), SearchRequest::radius(1.0)] {
            let got = case.search(&main.query(5), &request.filter(filter));
            assert_eq!(got, [], "{}", case.what(&format!("{filter:?} bans all")));
        }
    }
}
