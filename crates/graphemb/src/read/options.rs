use crate::GraphOptions;

/// How a text file of edges is read. The default: an undirected, unweighted edge list `source target`, fields by the
/// file's name.
#[derive(Debug, Clone, PartialEq)]
pub struct EdgeOptions {
    /// What the edges become.
    pub graph: GraphOptions,
    /// What a line is. An edge.
    pub layout: Layout,
    /// What parts the fields of a line. By the file's name.
    pub fields: Fields,
    /// Lines whose first character is one of these are comments. `#` and `%`.
    pub comments: String,
    /// The first line that is no comment names the columns. False.
    pub header: bool,
    /// Kinds of edges that are kept, each with the factor on its edges' weights; empty keeps all kinds with factor 1.
    /// Needs [`Columns::kind`].
    pub kinds: Vec<(String, f32)>,
    /// A longer line is an error. 64 MiB.
    pub max_line_bytes: usize,
}

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// One edge, its parts in these columns. Further columns are left out and reported.
    Edges(Columns),
    /// A node and all its neighbours. A line of one node is a node that may be isolated. In an undirected graph an edge
    /// may stand at one end or at both; it is one edge.
    Adjacency,
}

/// Which columns, from 0, hold what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Columns {
    /// Where the edge starts. 0.
    pub source: usize,
    /// Where it ends. 1.
    pub target: usize,
    /// Its weight. `None`: every edge weighs 1.
    pub weight: Option<usize>,
    /// Its kind: the relation of a knowledge graph, say. `None`.
    pub kind: Option<usize>,
}

/// What parts the fields of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fields {
    /// By the file's name: comma for `.csv`, tab for `.tsv` (also with `.gz`), else white space.
    #[default]
    Auto,
    /// Any run of spaces and tabs.
    Whitespace,
    /// One byte; a field in double quotes may hold it, a quote inside is doubled.
    Byte(u8),
}

impl Columns {
    /// `source target weight`.
    pub const WEIGHTED: Self = Self { source: 0, target: 1, weight: Some(2), kind: None };
    /// `head relation tail`, as the files of knowledge graphs are.
    pub const TRIPLES: Self = Self { source: 0, target: 2, weight: None, kind: Some(1) };

    /// The number of fields that a line must have.
    pub(crate) fn width(self) -> usize {
        let optional = |column: Option<usize>| column.map_or(0, |column| column.saturating_add(1));
        let needed = self.source.max(self.target).saturating_add(1);
        needed.max(optional(self.weight)).max(optional(self.kind))
    }
}

impl Default for Columns {
    fn default() -> Self {
        Self { source: 0, target: 1, weight: None, kind: None }
    }
}

impl Default for EdgeOptions {
    fn default() -> Self {
        Self {
            graph: GraphOptions::default(),
            layout: Layout::Edges(Columns::default()),
            fields: Fields::Auto,
            comments: "#%".to_owned(),
            header: false,
            kinds: Vec::new(),
            max_line_bytes: 64 << 20,
        }
    }
}

impl EdgeOptions {
    /// An edge list `source target weight` of a weighted graph.
    #[must_use]
    pub fn weighted() -> Self {
        Self {
            graph: GraphOptions { weighted: true, ..GraphOptions::default() },
            layout: Layout::Edges(Columns::WEIGHTED),
            ..Self::default()
        }
    }
}
