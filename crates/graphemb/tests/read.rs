//! Edge lists and adjacency lists in files, good and bad.
#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "a test fails by a panic, and its numbers are small"
)]

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use graphemb::{
    Columns, EdgeOptions, EdgeReport, Graph, GraphOptions, Layout, ParallelEdges, ReadError, SelfLoops,
};
use proptest::prelude::*;

fn read(name: &str, text: &str, options: &EdgeOptions) -> Result<(Graph, EdgeReport), ReadError> {
    Graph::read_from(text.as_bytes(), name, options)
}

fn edges(graph: &Graph) -> Vec<(String, String, f32)> {
    let keys = graph.keys().unwrap().unwrap();
    let name = |node| keys.key(node).unwrap().to_owned();
    graph.edges().map(|(a, b, w)| (name(a), name(b), w)).collect()
}

fn named(expected: &[(&str, &str, f32)]) -> Vec<(String, String, f32)> {
    expected.iter().map(|&(a, b, w)| (a.to_owned(), b.to_owned(), w)).collect()
}

#[test]
fn edge_lists_by_white_space_tab_and_comma_are_one() {
    let options = EdgeOptions::weighted();
    let expected = named(&[("a", "b", 2.5), ("b", "c d", 1.0), ("b", "b", 0.5)]);
    for (name, text) in [
        ("e.tsv", "\u{feff}# made by hand\n\na\tb\t2\r\nb\ta\t0.5\n% more\nb\tc d\t1e0\nb\tb\t.5"),
        ("e.csv", "a,b,2\nb, a ,0.5\nb,\"c d\",1\nb,b,0.5\n"),
    ] {
        let (graph, report) = read(name, text, &options).unwrap();
        let mut got = edges(&graph);
        got.sort_by(|a, b| (&a.0, &a.2).partial_cmp(&(&b.0, &b.2)).unwrap());
        let mut expected = expected.clone();
        expected.sort_by(|a, b| (&a.0, &a.2).partial_cmp(&(&b.0, &b.2)).unwrap());
        assert_eq!(got, expected, "{name}");
        assert_eq!((report.edges.edges_read, report.edges.parallel_merged), (4, 1));
        assert_eq!((graph.n_nodes(), graph.n_edges(), graph.n_self_loops()), (3, 3, 1));
    }
    let (graph, report) = read("e", "1 2 0.5\n  2\t 3 0.5\n1 2 4", &EdgeOptions::default()).unwrap();
    assert_eq!(edges(&graph), named(&[("1", "2", 1.0), ("2", "3", 1.0)]));
    assert_eq!((report.lines_with_more_columns, report.edges.parallel_merged, report.lines), (3, 1, 3));
}

#[test]
fn directed_edges_headers_and_policies_are_kept() {
    let options = EdgeOptions {
        graph: GraphOptions {
            directed: true,
            weighted: true,
            parallel: ParallelEdges::Max,
            self_loops: SelfLoops::Drop,
        },
        header: true,
        ..EdgeOptions::weighted()
    };
    let text = "from,to,weight\na,b,1\na,b,3\nb,a,2\nc,c,9\n";
    let (graph, report) = read("e.csv", text, &options).unwrap();
    assert_eq!(edges(&graph), named(&[("a", "b", 3.0), ("b", "a", 2.0)]));
    assert_eq!((report.edges.self_loops_dropped, graph.n_isolated(), graph.n_nodes()), (1, 1, 3));
}

#[test]
fn triples_are_kept_by_kind() {
    let text = "tent\tis a\tshelter\ntent\tneeds\tpegs\nstove\tneeds\tgas\npegs\tsold with\ttent\n";
    let triples = EdgeOptions { layout: Layout::Edges(Columns::TRIPLES), ..EdgeOptions::default() };
    let (all, _) = read("kg.tsv", text, &triples).unwrap();
    assert_eq!((all.n_nodes(), all.n_edges()), (5, 3));
    let some = EdgeOptions {
        graph: GraphOptions { weighted: true, directed: true, ..GraphOptions::default() },
        kinds: vec![("needs".to_owned(), 2.0), ("is a".to_owned(), 0.5)],
        ..triples
    };
    let (graph, report) = read("kg.tsv", text, &some).unwrap();
    let expected = named(&[("tent", "shelter", 0.5), ("tent", "pegs", 2.0), ("stove", "gas", 2.0)]);
    assert_eq!((edges(&graph), report.other_kinds), (expected, 1));
}

#[test]
fn adjacency_lists_keep_isolated_nodes_and_count_an_edge_once() {
    let options = EdgeOptions { layout: Layout::Adjacency, ..EdgeOptions::default() };
    let (graph, report) = read("a.txt", "1 2 3\n2 1\n4\n3 1\n", &options).unwrap();
    assert_eq!((graph.n_nodes(), graph.n_edges(), graph.n_isolated()), (4, 2, 1));
    assert_eq!((report.edges.edges_read, report.edges.parallel_merged), (4, 2));
    let weighted = GraphOptions { weighted: true, ..GraphOptions::default() };
    let (graph, _) = read("a.txt", "1 2 3\n2 1\n", &EdgeOptions { graph: weighted, ..options }).unwrap();
    assert_eq!(graph.weight(0, 1), Some(1.0));
}

#[test]
fn every_bad_line_is_named() {
    let weighted = EdgeOptions::weighted();
    let message =
        |name: &str, text: &str, options: &EdgeOptions| read(name, text, options).unwrap_err().to_string();
    for (weight, shown) in
        [("0", "0"), ("-1.5", "-1.5"), ("NaN", "NaN"), ("inf", "inf"), ("1e99", "1e99"), ("x", "x")]
    {
        let text = format!("# c\na b 1\na c {weight}\n");
        let expected = format!("e, line 3: weight \"{shown}\", must be a finite number above 0");
        assert_eq!(message("e", &text, &weighted), expected);
    }
    assert_eq!(message("e", "a b\n", &weighted), "e, line 1: 2 fields, expected at least 3: \"a b\"");
    assert_eq!(
        message("e", "a b\nc\n", &EdgeOptions::default()),
        "e, line 2: 1 fields, expected at least 2: \"c\""
    );
    assert_eq!(message("e.csv", "a,b\n,c\n", &EdgeOptions::default()), "e.csv, line 2: the source is empty");
    assert_eq!(
        message("e.csv", "a,\"b\n", &EdgeOptions::default()),
        "e.csv, line 1: a quoted field does not end where it should: \"a,\\\"b\""
    );
    assert_eq!(message("e", "# only this\n\n", &EdgeOptions::default()), "e: no edge in 2 lines");
    assert_eq!(message("e", "", &EdgeOptions::default()), "e: no edge in 0 lines");
    let refuse = GraphOptions { self_loops: SelfLoops::Refuse, ..GraphOptions::default() };
    let refuse = EdgeOptions { graph: refuse, ..EdgeOptions::default() };
    assert_eq!(message("e", "a b\nb b\n", &refuse), "e, line 2: edge 1 is a self-loop of node 1");
    let bytes = Graph::read_from(&b"a b\n\xff c\n"[..], "e", &EdgeOptions::default()).unwrap_err();
    assert_eq!(bytes.to_string(), "e, line 2: not UTF-8 at byte 0");
    let short = EdgeOptions { max_line_bytes: 8, ..EdgeOptions::default() };
    assert_eq!(message("e", "a b\nlong-name b\n", &short), "e, line 2: longer than 8 bytes");
    let overflow = message("e", "a b 3e38\nb a 3e38\n", &weighted);
    assert_eq!(overflow, "e: the parallel edges from 0 to 1 have a sum that is not finite");
    let contradiction = EdgeOptions { layout: Layout::Edges(Columns::WEIGHTED), ..EdgeOptions::default() };
    assert!(matches!(read("e", "a b 1", &contradiction), Err(ReadError::Options { .. })));
}

#[test]
fn gzip_is_unpacked_and_its_end_is_missed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("edges.txt.gz");
    let text: String = (0..5000).map(|i| format!("{i} {}\n", (i * 7) % 5000)).collect();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    let packed = encoder.finish().unwrap();
    std::fs::write(&path, &packed).unwrap();
    let (graph, report) = Graph::read(&path, &EdgeOptions::default()).unwrap();
    assert!(report.gzip);
    assert_eq!(graph, read("edges", &text, &EdgeOptions::default()).unwrap().0);
    std::fs::write(&path, &packed[..packed.len() - 9]).unwrap();
    let error = Graph::read(&path, &EdgeOptions::default()).unwrap_err();
    assert!(matches!(error, ReadError::Gzip { .. }), "{error}");
    assert!(error.to_string().contains("damaged or cut off after line"), "{error}");
    std::fs::write(&path, text).unwrap();
    assert!(matches!(Graph::read(&path, &EdgeOptions::default()), Err(ReadError::Gzip { line: 0, .. })));
    assert!(matches!(
        Graph::read(folder.path().join("none"), &EdgeOptions::default()),
        Err(ReadError::Io { .. })
    ));
}

proptest! {
    /// No text makes the reader panic, and what it accepts is a graph.
    #[test]
    fn any_text_is_a_graph_or_an_error(text in "[a-c \t,\"#0-2.\n-]{0,60}", csv in any::<bool>(), adjacency in any::<bool>()) {
        let layout = if adjacency { Layout::Adjacency } else { Layout::Edges(Columns::WEIGHTED) };
        let options = EdgeOptions { layout, ..EdgeOptions::weighted() };
        if let Ok((graph, report)) = read(if csv { "e.csv" } else { "e" }, &text, &options) {
            Graph::from_bytes(&graph.to_bytes().unwrap()).unwrap().verify().unwrap();
            prop_assert_eq!(report.edges.edges_read, graph.n_edges() + report.edges.parallel_merged);
        }
    }

    #[test]
    fn petgraph_takes_and_gives_the_same_edges(
        pairs in proptest::collection::vec((0u32..12, 0u32..12, 1u8..9), 0..40), directed in any::<bool>()
    ) {
        let options = GraphOptions { directed, weighted: true, ..GraphOptions::default() };
        let weighted = pairs.iter().map(|&(a, b, w)| (a, b, f32::from(w)));
        let graph = Graph::from_weighted_edges(12, weighted, &options).unwrap();
        let weight = |w: &f32| *w;
        let again = if directed {
            Graph::from_petgraph(&graph.to_petgraph::<petgraph::Directed>().unwrap(), weight)
        } else {
            let both = graph.to_petgraph::<petgraph::Directed>().unwrap();
            prop_assert_eq!(both.edge_count(), graph.n_entries());
            Graph::from_petgraph(&graph.to_petgraph::<petgraph::Undirected>().unwrap(), weight)
        };
        prop_assert_eq!(again.unwrap(), graph);
    }
}
