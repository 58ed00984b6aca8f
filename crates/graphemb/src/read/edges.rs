use std::borrow::Cow;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use embed_core::Vocab;

use super::batch::Batch;
use super::error::{LineProblem, ReadError};
use super::fields::{shown, split};
use super::lines::Lines;
use super::options::{Columns, EdgeOptions, Fields, Layout};
use crate::{BuildReport, Graph, GraphBuilder, GraphError, GraphOptions, ParallelEdges};

/// What was read, kept and left out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct EdgeReport {
    /// Lines of the file.
    pub lines: u64,
    /// Lines of nothing but white space.
    pub blank_lines: u64,
    /// Comments.
    pub comments: u64,
    /// Edges of kinds that [`EdgeOptions::kinds`] does not name, left out.
    pub other_kinds: u64,
    /// Lines with more columns than are used; the others were left out.
    pub lines_with_more_columns: u64,
    /// Whether the file was unpacked on the way.
    pub gzip: bool,
    /// What became of the edges.
    pub edges: BuildReport,
}

impl Graph {
    /// Reads a file of edges: fields by white space, comma or tab, plain or gzip. Node keys get numbers in the order in
    /// which they come.
    ///
    /// ```no_run
    /// use graphemb::{EdgeOptions, Graph};
    ///
    /// let (graph, report) = Graph::read("edges.tsv.gz", &EdgeOptions::weighted())?;
    /// println!("{} nodes, {} edges, {} merged", graph.n_nodes(), graph.n_edges(), report.edges.parallel_merged);
    /// # Ok::<(), graphemb::ReadError>(())
    /// ```
    ///
    /// Memory: 12 bytes an edge (16 with weights), the keys, and the graph.
    ///
    /// # Errors
    /// - [`ReadError::Io`] and [`ReadError::Gzip`] when the file cannot be read.
    /// - [`ReadError::Line`] names the line that is no edge, and why.
    /// - [`ReadError::Empty`] when there is none.
    /// - [`ReadError::Graph`] when parallel edges have a sum beyond f32.
    /// - [`ReadError::Options`] when the options contradict each other.
    pub fn read(file: impl AsRef<Path>, options: &EdgeOptions) -> Result<(Self, EdgeReport), ReadError> {
        let file = file.as_ref();
        read(Lines::open(file, options.max_line_bytes)?, file, options)
    }

    /// Like [`Graph::read`], from any reader. `file` names it in errors and says what parts the fields.
    ///
    /// # Errors
    /// As [`Graph::read`].
    pub fn read_from(
        reader: impl Read,
        file: impl AsRef<Path>,
        options: &EdgeOptions,
    ) -> Result<(Self, EdgeReport), ReadError> {
        let file = file.as_ref();
        read(Lines::over(reader, file, options.max_line_bytes)?, file, options)
    }
}

fn read(mut lines: Lines<'_>, file: &Path, options: &EdgeOptions) -> Result<(Graph, EdgeReport), ReadError> {
    let graph_options = checked(options)?;
    let fields = options.fields.resolve(file);
    let refused = |source| ReadError::Graph { file: file.to_owned(), source };
    let mut sink = Sink { options, line: 0, batch: Batch::default(), report: EdgeReport::default() };
    let mut keys = Vocab::new();
    let mut builder = GraphBuilder::new(0, &graph_options).map_err(refused)?;
    let mut header = options.header;
    while lines.advance()? {
        let text = lines.text();
        sink.line = lines.line();
        if text.trim().is_empty() {
            sink.report.blank_lines += 1;
        } else if text.starts_with(|first| options.comments.contains(first)) {
            sink.report.comments += 1;
        } else if header {
            header = false;
        } else {
            let taken = sink.take(text, fields);
            // What is wrong with an earlier line comes first.
            if taken.is_err() || sink.batch.is_full() {
                sink.batch.hand_over(&mut keys, &mut builder).map_err(at(&lines))?;
            }
            taken.map_err(|problem| lines.problem(problem))?;
        }
    }
    sink.batch.hand_over(&mut keys, &mut builder).map_err(at(&lines))?;
    let mut report = EdgeReport { gzip: lines.gzip(), ..sink.report };
    report.lines = lines.line();
    if keys.is_empty() {
        return Err(ReadError::Empty { file: file.to_owned(), lines: report.lines });
    }
    let (graph, edges) = builder.build().map_err(refused)?;
    report.edges = edges;
    let graph = graph.with_keys(Arc::new(keys)).map_err(refused)?;
    Ok((graph, report))
}

/// The options of the graph, when all options fit together.
fn checked(options: &EdgeOptions) -> Result<GraphOptions, ReadError> {
    let refused = |problem| Err(ReadError::Options { problem });
    let mut graph = options.graph;
    match options.layout {
        Layout::Edges(columns) => {
            if columns.source == columns.target {
                return refused("source and target are the same column");
            }
            if columns.weight.is_some() && !graph.weighted {
                return refused("there is a column of weights, but the graph is to be unweighted");
            }
            if columns.kind.is_none() && !options.kinds.is_empty() {
                return refused("there are kinds to keep, but no column of kinds");
            }
            if options.kinds.iter().any(|(_, factor)| *factor != 1.0) && !graph.weighted {
                return refused("kinds have factors, but the graph is to be unweighted");
            }
            if options.kinds.iter().any(|(_, factor)| !(factor.is_finite() && *factor > 0.0)) {
                return refused("the factor of a kind must be finite and above 0");
            }
        }
        Layout::Adjacency => {
            if !options.kinds.is_empty() {
                return refused("adjacency lists have no kinds");
            }
            if !graph.directed {
                // Mostly each edge stands at both ends.
                graph.parallel = ParallelEdges::Max;
            }
        }
    }
    Ok(graph)
}

/// An edge of an earlier line that is refused.
fn at(lines: &Lines<'_>) -> impl Fn((u64, GraphError)) -> ReadError {
    |(line, problem)| lines.problem_at(line, problem)
}

struct Sink<'a> {
    options: &'a EdgeOptions,
    /// Number of the line under way.
    line: u64,
    batch: Batch,
    report: EdgeReport,
}

impl Sink<'_> {
    fn take(&mut self, text: &str, fields: Fields) -> Result<(), LineProblem> {
        let mut found: Vec<Cow<'_, str>> = Vec::with_capacity(4);
        split(text, fields, &mut found)?;
        match self.options.layout {
            Layout::Edges(columns) => self.edge(text, columns, &found),
            Layout::Adjacency => self.row(&found),
        }
    }

    fn edge(&mut self, text: &str, columns: Columns, found: &[Cow<'_, str>]) -> Result<(), LineProblem> {
        let expected = columns.width();
        if found.len() < expected {
            return Err(LineProblem::FieldCount { expected, got: found.len(), found: shown(text) });
        }
        self.report.lines_with_more_columns += u64::from(found.len() > expected);
        let mut weight = match columns.weight {
            Some(column) => parse_weight(&found[column])?,
            None => 1.0,
        };
        if let (Some(column), false) = (columns.kind, self.options.kinds.is_empty()) {
            match self.options.kinds.iter().find(|(kind, _)| *kind == found[column]) {
                Some((_, factor)) => weight *= factor,
                None => {
                    self.report.other_kinds += 1;
                    return Ok(());
                }
            }
        }
        let source = named("source", &found[columns.source])?;
        let target = named("target", &found[columns.target])?;
        let (source, target) = (self.batch.key(source, self.line), self.batch.key(target, self.line));
        self.batch.edge(source, target, weight);
        Ok(())
    }

    fn row(&mut self, found: &[Cow<'_, str>]) -> Result<(), LineProblem> {
        let [source, targets @ ..] = found else { return Ok(()) };
        let source = self.batch.key(named("node", source)?, self.line);
        for target in targets {
            let target = self.batch.key(named("neighbour", target)?, self.line);
            self.batch.edge(source, target, 1.0);
        }
        Ok(())
    }
}

/// A node's key, which is not empty.
fn named<'k>(what: &'static str, key: &'k str) -> Result<&'k str, LineProblem> {
    if key.is_empty() { Err(LineProblem::Empty { what }) } else { Ok(key) }
}

fn parse_weight(text: &str) -> Result<f32, LineProblem> {
    match text.parse::<f32>() {
        Ok(weight) if weight.is_finite() && weight > 0.0 => Ok(weight),
        _ => Err(LineProblem::Weight { found: shown(text) }),
    }
}
