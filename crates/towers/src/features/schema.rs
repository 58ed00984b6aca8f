use std::fmt;

use embed_core::{FeatureFrame, FeatureType};
use serde::{Deserialize, Serialize};

use super::FeatureError;
use crate::models::{HistoryView, Pooling};

/// Whose features.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Side {
    /// Those of users.
    User,
    /// Those of items.
    Item,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::User => "user",
            Self::Item => "item",
        })
    }
}

/// How categories become rows of a table. Row 0 is that of the unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Coding {
    /// A row for each that comes at least so many times in the rows that are trained on; the others are unknown.
    Vocabulary {
        /// Times.
        least: u32,
    },
    /// One of so many rows, by the hash of its text: no vocabulary is kept, and some share a row (Weinberger et al. 2009).
    Hashed {
        /// Rows.
        buckets: u32,
    },
}

impl Default for Coding {
    /// A row for every category.
    fn default() -> Self {
        Self::Vocabulary { least: 1 }
    }
}

/// A column that a tower looks at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Feature {
    /// Its name.
    pub column: String,
    /// What it holds.
    pub kind: FeatureType,
    /// The table of its categories: features of one table share it, between the towers too. By default its own.
    pub table: Option<String>,
    /// How its categories are coded.
    pub coding: Coding,
}

impl Feature {
    /// A column with a table of its own.
    #[must_use]
    pub fn new(column: &str, kind: FeatureType) -> Self {
        Self { column: column.to_owned(), kind, table: None, coding: Coding::default() }
    }

    /// The same over a named table.
    #[must_use]
    pub fn in_table(self, table: &str) -> Self {
        Self { table: Some(table.to_owned()), ..self }
    }

    /// The same with hashed categories.
    #[must_use]
    pub fn hashed(self, buckets: u32) -> Self {
        Self { coding: Coding::Hashed { buckets }, ..self }
    }

    /// Whether it has categories.
    pub(super) fn is_coded(&self) -> bool {
        matches!(self.kind, FeatureType::Category | FeatureType::List)
    }
}

/// The key as a feature.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IdFeature {
    /// Its table.
    pub table: String,
    /// Keys of fewer interactions are unknown.
    pub least: u32,
    /// The probability with which training takes a key for unknown, so that the others learn to do without it (Volkovs, Yu &
    /// Poutanen 2017, "DropoutNet").
    pub dropout: f32,
}

impl IdFeature {
    /// Every key that training sees, without dropout.
    #[must_use]
    pub fn new(table: &str) -> Self {
        Self { table: table.to_owned(), least: 1, dropout: 0.0 }
    }

    /// With this probability of being unknown.
    #[must_use]
    pub fn dropped(self, dropout: f32) -> Self {
        Self { dropout, ..self }
    }
}

/// What one tower looks at.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct SideSchema {
    /// The key, if it is a feature.
    pub id: Option<IdFeature>,
    /// Columns.
    pub features: Vec<Feature>,
}

/// What the user did, in order, as a feature.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HistoryFeature {
    /// How the vectors of its items become one.
    pub pooling: Pooling,
    /// The most items, the last ones.
    pub most: usize,
    /// View: the items that are the history of a positive.
    pub view: HistoryView,
    /// The columns of the items whose categories make up their vector here, beside the id where items have one.
    pub columns: Vec<String>,
}

impl Default for HistoryFeature {
    /// The mean of up to 50 other items, by their id.
    fn default() -> Self {
        Self { pooling: Pooling::Mean, most: 50, view: HistoryView::Others, columns: Vec::new() }
    }
}

/// What both towers look at.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Schema {
    /// The user tower.
    pub user: SideSchema,
    /// What the user did, as part of the user tower. Its items have the vectors that they have in the item tower's tables.
    pub history: Option<HistoryFeature>,
    /// The item tower.
    pub item: SideSchema,
}

/// Settings of [`Schema::of_frames`].
#[derive(Debug, Clone, PartialEq)]
pub struct SchemaOptions {
    /// Use of item ids, beside the features.
    pub item_id: bool,
    /// The probability with which training takes an item's id for unknown; by default 0.1 where items have features, else 0.
    pub id_dropout: Option<f32>,
    /// Pooling of the history into a vector.
    pub pooling: Pooling,
    /// Largest number of items of a history, the last ones.
    pub max_history: usize,
    /// View: the items that are the history of a positive.
    pub view: HistoryView,
}

impl Default for SchemaOptions {
    /// Ids of items, and the 50 items before a positive with a learned weight for each place.
    fn default() -> Self {
        Self {
            item_id: true,
            id_dropout: None,
            pooling: Pooling::Places,
            max_history: 50,
            view: HistoryView::Before,
        }
    }
}

impl Schema {
    /// The table of item ids.
    const ITEMS: &'static str = "items";

    /// Every column of both frames as a feature, the id of items, and the history, whose items are described by their id and by all of
    /// their categories and lists. Without ids and without those there is no history.
    #[must_use]
    pub fn of_frames(
        users: Option<&FeatureFrame>,
        items: Option<&FeatureFrame>,
        options: &SchemaOptions,
    ) -> Self {
        let features = |frame: Option<&FeatureFrame>| -> Vec<Feature> {
            let columns = frame.into_iter().flat_map(FeatureFrame::columns);
            columns.map(|column| Feature::new(&column.name, column.values.kind())).collect()
        };
        let (users, items) = (features(users), features(items));
        let SchemaOptions { item_id, id_dropout, pooling, max_history, view } = *options;
        let dropout = id_dropout.unwrap_or(if items.is_empty() { 0.0 } else { 0.1 });
        let coded = items.iter().filter(|feature| feature.is_coded());
        let columns: Vec<String> = coded.map(|feature| feature.column.clone()).collect();
        let known = item_id || !columns.is_empty();
        Self {
            user: SideSchema { id: None, features: users },
            history: known.then_some(HistoryFeature { pooling, most: max_history, view, columns }),
            item: SideSchema {
                id: item_id.then(|| IdFeature::new(Self::ITEMS).dropped(dropout)),
                features: items,
            },
        }
    }

    /// One side.
    #[must_use]
    pub fn side(&self, side: Side) -> &SideSchema {
        match side {
            Side::User => &self.user,
            Side::Item => &self.item,
        }
    }

    /// Checks what can be checked without data.
    ///
    /// # Errors
    /// [`FeatureError::Nothing`], [`FeatureError::Twice`], [`FeatureError::History`], [`FeatureError::BareHistory`].
    pub fn validate(&self) -> Result<(), FeatureError> {
        for side in [Side::User, Side::Item] {
            let SideSchema { id, features } = self.side(side);
            let history = side == Side::User && self.history.is_some();
            if id.is_none() && features.is_empty() && !history {
                return Err(FeatureError::Nothing { side });
            }
            for (number, feature) in features.iter().enumerate() {
                if features[..number].iter().any(|other| other.column == feature.column) {
                    return Err(FeatureError::Twice { side, column: feature.column.clone() });
                }
            }
        }
        if let Some(history) = &self.history {
            let coded = |column: &String| {
                self.item.features.iter().any(|feature| feature.column == *column && feature.is_coded())
            };
            if let Some(column) = history.columns.iter().find(|column| !coded(column)) {
                return Err(FeatureError::History { column: column.clone() });
            }
            if history.columns.is_empty() && self.item.id.is_none() {
                return Err(FeatureError::BareHistory);
            }
        }
        Ok(())
    }
}
