use crate::layers::Bag;
use crate::matrix::Buffer;

/// A coded column.
#[derive(Debug, Clone, PartialEq)]
pub enum Coded {
    /// A code a row.
    Codes(Vec<u32>),
    /// Some codes a row.
    Lists(Bag),
    /// `[rows, width]`
    Values(Buffer),
}

impl Coded {
    /// A column of the same type without rows.
    fn empty(&self) -> Self {
        match self {
            Self::Codes(_) => Self::Codes(Vec::new()),
            Self::Lists(_) => Self::Lists(Bag::new()),
            Self::Values(values) => {
                let mut none = Buffer::new();
                none.resize(0, values.dim().1);
                Self::Values(none)
            }
        }
    }
}

/// Coded rows of features: what towers read. The id is the first column, where there is one.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Records {
    len: usize,
    columns: Vec<Coded>,
    /// Codes that each column can have, or its width.
    ///
    /// Invariant: every code is below it.
    limits: Vec<usize>,
}

impl Records {
    /// Of columns with so many rows each, whose codes are below their limit.
    pub(crate) fn new(len: usize, columns: Vec<Coded>, limits: Vec<usize>) -> Self {
        Self { len, columns, limits }
    }

    /// Rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The columns, in the order of the schema.
    #[must_use]
    pub fn columns(&self) -> &[Coded] {
        &self.columns
    }

    /// Whether a model that reads others can read these.
    pub(crate) fn are_like(&self, others: &Self) -> bool {
        let mut pairs = self.columns.iter().zip(&others.columns);
        self.limits == others.limits
            && pairs.all(|(own, other)| std::mem::discriminant(own) == std::mem::discriminant(other))
    }

    /// Takes over some rows of others, in memory that is kept.
    ///
    /// # Panics
    /// When there is no row of that number.
    pub(crate) fn gather(&mut self, from: &Self, rows: &[u32]) {
        self.clear_for(from);
        rows.iter().for_each(|&row| self.push(from, row as usize));
    }

    /// No rows, of the columns of others.
    pub(crate) fn clear_for(&mut self, like: &Self) {
        self.len = 0;
        if !self.are_like(like) {
            self.columns = like.columns.iter().map(Coded::empty).collect();
            self.limits.clone_from(&like.limits);
        }
        for column in &mut self.columns {
            match column {
                Coded::Codes(codes) => codes.clear(),
                Coded::Lists(bag) => bag.clear(),
                Coded::Values(values) => values.resize(0, values.dim().1),
            }
        }
    }

    /// Appends a row of others with the same columns.
    pub(crate) fn push(&mut self, from: &Self, row: usize) {
        self.len += 1;
        for (to, from) in self.columns.iter_mut().zip(&from.columns) {
            match (to, from) {
                (Coded::Codes(to), Coded::Codes(from)) => to.push(from[row]),
                (Coded::Lists(to), Coded::Lists(from)) => to.push(from.get(row)),
                (Coded::Values(to), Coded::Values(from)) => {
                    let (rows, width) = to.dim();
                    to.resize(rows + 1, width);
                    to.row_mut(rows).copy_from_slice(from.row(row));
                }
                // Columns are alike.
                _ => {}
            }
        }
    }

    /// Presence of something said in a row: a code that is not that of the unknown, a list with something in it, or a number.
    ///
    /// # Panics
    /// When there is no such row.
    pub(crate) fn says_something(&self, row: usize) -> bool {
        self.columns.iter().any(|column| match column {
            Coded::Codes(codes) => codes[row] != 0,
            Coded::Lists(bag) => !bag.get(row).is_empty(),
            // Of what has no row in a frame, zeros.
            Coded::Values(values) => values.row(row).iter().any(|value| *value != 0.0),
        })
    }

    /// The codes of the first column, if it holds codes.
    pub(crate) fn ids(&self) -> Option<&[u32]> {
        match self.columns.first() {
            Some(Coded::Codes(codes)) => Some(codes),
            _ => None,
        }
    }

    /// The codes of the first column, which then is the id.
    pub(crate) fn ids_mut(&mut self) -> Option<&mut [u32]> {
        match self.columns.first_mut() {
            Some(Coded::Codes(codes)) => Some(codes),
            _ => None,
        }
    }
}
