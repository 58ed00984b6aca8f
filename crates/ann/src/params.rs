use crate::ParamsError;

/// How an [`Hnsw`](crate::Hnsw) is built, and how hard it looks by default.
///
/// ```
/// use ann::HnswParams;
///
/// let params = HnswParams { m: 16, ..HnswParams::default() };
/// assert!(params.validate().is_ok());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HnswParams {
    /// Links of a node on the upper levels; twice as many on the ground level. The paper's M; 2 to 256.
    /// More links cost memory (8 · m bytes a row) and buy recall on vectors of many dimensions.
    pub m: usize,
    /// Width of the search for a new node's neighbours, 1 to 65,536. The paper's efConstruction.
    pub ef_construction: usize,
    /// Width of a search that asks for no effort of its own, 1 to 65,536. The paper's ef; never less than k.
    pub ef_search: usize,
    /// Whether the graph is walked over vectors in one byte a component, a quarter of the memory to read; what
    /// is found is scored by the exact vectors. Costs dim + 8 bytes a row, dim rounded up to a multiple of 64.
    pub sq8: bool,
    /// What the graph is built over under inner product; other metrics have no use for it.
    pub product_graph: ProductGraph,
}

/// What a graph for inner products is built over. Searches score the rows as they are, whichever it is.
///
/// A product is no distance, and a graph of what is near needs one. While building, `Augmented` takes 4 bytes
/// a component more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub enum ProductGraph {
    /// `Augmented` where the longest row about the mean is at most three times the median, else `Raw`.
    #[default]
    Auto,
    /// The distances between the rows about their mean, which one component more makes all as long as the
    /// longest (Bachrach et al. 2014). The best where lengths differ little: the context vectors of Item2Vec on
    /// Gowalla reach recall@10 0.98 at m = 16 and ef 40.
    Augmented,
    /// The products of the rows as they are, as other libraries do. The best where few rows are many times as
    /// long as the others. Rows that share a direction lose most of their recall (0.21 there).
    Raw,
}

impl Default for HnswParams {
    fn default() -> Self {
        Self { m: 32, ef_construction: 200, ef_search: 100, sq8: false, product_graph: ProductGraph::Auto }
    }
}

impl HnswParams {
    pub(crate) const M: (usize, usize) = (2, 256);
    pub(crate) const EF: (usize, usize) = (1, 1 << 16);

    /// The defaults with another number of links.
    #[must_use]
    pub fn with_m(m: usize) -> Self {
        Self { m, ..Self::default() }
    }

    /// Checks every field.
    ///
    /// # Errors
    /// [`ParamsError`] names the first field that is out of its range.
    pub fn validate(&self) -> Result<(), ParamsError> {
        for (name, got, (least, most)) in [
            ("m", self.m, Self::M),
            ("ef_construction", self.ef_construction, Self::EF),
            ("ef_search", self.ef_search, Self::EF),
        ] {
            if !(least..=most).contains(&got) {
                return Err(ParamsError { name, least, most, got });
            }
        }
        Ok(())
    }
}

/// How an [`RpForest`](crate::RpForest) is built, and how hard it looks by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ForestParams {
    /// Number of trees, 1 to 4,096. More cost memory and time to build, and buy recall for the same effort.
    pub trees: usize,
    /// Most vectors of a part that is not split, 1 to 65,536.
    pub leaf: usize,
    /// Different vectors that a search that asks for no effort of its own scores, 1 to 2³¹; never less than k.
    pub search_k: usize,
}

impl Default for ForestParams {
    fn default() -> Self {
        Self { trees: 100, leaf: 128, search_k: 4000 }
    }
}

impl ForestParams {
    pub(crate) const TREES: (usize, usize) = (1, 1 << 12);

    /// The defaults with another number of trees.
    #[must_use]
    pub fn with_trees(trees: usize) -> Self {
        Self { trees, ..Self::default() }
    }

    /// Checks every field.
    ///
    /// # Errors
    /// [`ParamsError`] names the first field that is out of its range.
    pub fn validate(&self) -> Result<(), ParamsError> {
        for (name, got, (least, most)) in [
            ("trees", self.trees, Self::TREES),
            ("leaf", self.leaf, (1, 1 << 16)),
            ("search_k", self.search_k, (1, 1 << 31)),
        ] {
            if !(least..=most).contains(&got) {
                return Err(ParamsError { name, least, most, got });
            }
        }
        Ok(())
    }

    /// Checks that numbers of 31 bits name all members of all leaves, and that vectors have codes.
    pub(crate) fn check_shape(&self, n: usize, dim: usize) -> Result<(), ParamsError> {
        let most = ((1 << 31) - 1) / self.trees;
        if n > most {
            return Err(ParamsError { name: "vectors of so many trees", least: 0, most, got: n });
        }
        let most = crate::RpForest::MAX_DIM;
        if dim > most {
            return Err(ParamsError { name: "dim", least: 1, most, got: dim });
        }
        Ok(())
    }
}
