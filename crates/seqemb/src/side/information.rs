use embed_core::{Csr, ItemId};

/// What is known of items beside who met them: one or more fields (category, brand, genres), each with some values an
/// item.
///
/// ```
/// use embed_core::Csr;
/// use seqemb::SideInformation;
///
/// let genres = Csr::from_rows([&[0u32, 2][..], &[1], &[]]);
/// let side = SideInformation::new(3).with("genre", 3, genres)?;
/// assert_eq!((side.n_fields(), side.values(0, 0), side.values(2, 0)), (1, &[0, 2][..], &[][..]));
/// # Ok::<(), seqemb::SideError>(())
/// ```
#[derive(Debug, Clone)]
pub struct SideInformation {
    n_items: usize,
    fields: Vec<Field>,
}

#[derive(Debug, Clone)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) n_values: usize,
    /// Values of each item.
    values: Csr,
}

/// Why side information was refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum SideError {
    /// Not a row an item.
    #[error("field {field:?} has values of {got} items, the catalogue has {expected}")]
    Items {
        /// The field.
        field: String,
        /// Items of the catalogue.
        expected: usize,
        /// Rows of the field.
        got: usize,
    },
    /// A value that the field does not have.
    #[error("item {item} has value {value} of field {field:?}, which has {n_values}")]
    Value {
        /// The field.
        field: String,
        /// The item.
        item: usize,
        /// Its value.
        value: u32,
        /// Values of the field.
        n_values: usize,
    },
    /// A value of an item that training has not seen, which the field does not have.
    #[error("value {value} of field {field:?}, which has {n_values}")]
    ColdValue {
        /// The field.
        field: String,
        /// The value.
        value: u32,
        /// Values of the field.
        n_values: usize,
    },
    /// More rows than ids.
    #[error("{got} items and values in all, at most {limit} can be trained")]
    TooMany {
        /// Items and values.
        got: usize,
        /// The most there can be.
        limit: usize,
    },
    /// A number of fields that is not that of the training.
    #[error("values of {got} fields, the training had {expected}")]
    Fields {
        /// Fields of the training.
        expected: usize,
        /// Fields given.
        got: usize,
    },
    /// Of another catalogue than the sequences.
    #[error("side information on {got} items, the vocabulary has {expected}")]
    Catalogue {
        /// Keys in the vocabulary.
        expected: usize,
        /// Items of the side information.
        got: usize,
    },
    /// Training with side information is of another kind.
    #[error("side information is trained with skip-gram and separate tables")]
    Kind,
}

impl SideInformation {
    /// None yet, for a catalogue of `n_items`.
    #[must_use]
    pub fn new(n_items: usize) -> Self {
        Self { n_items, fields: Vec::new() }
    }

    /// The same with a field of `n_values` values: row `i` of `values` holds those of item `i`, perhaps none.
    ///
    /// # Errors
    /// [`SideError::Items`], [`SideError::Value`] and [`SideError::TooMany`] name what does not fit.
    pub fn with(mut self, name: impl Into<String>, n_values: usize, values: Csr) -> Result<Self, SideError> {
        let field = name.into();
        if values.n_rows() != self.n_items {
            return Err(SideError::Items { field, expected: self.n_items, got: values.n_rows() });
        }
        for (item, row) in values.rows().enumerate() {
            if let Some(&value) = row.iter().find(|&&value| value as usize >= n_values) {
                return Err(SideError::Value { field, item, value, n_values });
            }
        }
        let (got, limit) = (self.n_rows().saturating_add(n_values), (u32::MAX / 4) as usize);
        if got > limit {
            return Err(SideError::TooMany { got, limit });
        }
        self.fields.push(Field { name: field, n_values, values });
        Ok(self)
    }

    /// Items of the catalogue.
    #[must_use]
    pub fn n_items(&self) -> usize {
        self.n_items
    }

    /// Fields.
    #[must_use]
    pub fn n_fields(&self) -> usize {
        self.fields.len()
    }

    /// Values of an item in a field; none where there is no such item or field.
    #[must_use]
    pub fn values(&self, item: ItemId, field: usize) -> &[u32] {
        let row = |field: &'_ Field| (item as usize) < field.values.n_rows();
        self.fields.get(field).filter(|field| row(field)).map_or(&[], |field| field.values.row(item as usize))
    }

    pub(super) fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// Rows of a table that holds every item and, after them, every value of every field.
    pub(crate) fn n_rows(&self) -> usize {
        self.n_items + self.fields.iter().map(|field| field.n_values).sum::<usize>()
    }
}
