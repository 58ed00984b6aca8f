//! A model of any method: what `run` learns and leaves, and what `recommend` opens.

use std::path::Path;

use embed_core::store::{Reader, StoreError};
use embed_core::{EmbedError, Embedder, Embeddings, ItemId, KeyTable, Metric, Space};
use nearfield::graphemb::UserItemVectors;
use nearfield::seqemb::{ItemVectors, Params, Pooled, Pooling, Scoring};
use nearfield::towers::features::Records;
use nearfield::towers::models::{DssmParams, TowersParams};
use nearfield::towers::train::FitRecord;
use nearfield::towers::{Dssm, IdTowers, UserEmbedder, UserInput, UserRecord, Who};
use serde::Serialize;

use crate::args::Method;
use crate::error::CliError;

/// What was learned. Each kind of model names its item side and its user side, which lie in one space.
#[derive(Debug)]
pub(crate) enum Model {
    /// Input and output vectors of items; a user is the mean of a history.
    Items(ItemVectors),
    /// Vectors of items and of the users of the log, in one graph; a user is the mean of a history all the same.
    UsersItems(UserItemVectors),
    /// Two towers over ids and histories.
    Towers(IdTowers),
    /// Two towers over features.
    Dssm(Dssm),
}

impl Model {
    /// The item side: what an index is built over. All items that can be recommended, in their order.
    pub(crate) fn items(&self) -> &Embeddings {
        match self {
            Self::Items(vectors) => vectors.targets(Scoring::InOut),
            Self::UsersItems(vectors) => vectors.items.targets(Scoring::InOut),
            Self::Towers(model) => model.items(),
            Self::Dssm(model) => model.items(),
        }
    }

    /// Every table of item vectors, the one that says what is like what first.
    pub(crate) fn tables(&self) -> Vec<(&'static str, &Embeddings)> {
        match self {
            Self::Items(vectors) | Self::UsersItems(UserItemVectors { items: vectors, .. }) => {
                vec![("input", &vectors.input), ("output", &vectors.output)]
            }
            Self::Towers(model) => vec![("items", model.items())],
            Self::Dssm(model) => vec![("items", model.items())],
        }
    }

    /// The user side, to be scored by `metric`: vectors of items may be asked for by another than they were trained for.
    pub(crate) fn users(&self, metric: Metric) -> UserSide {
        match self {
            // Also where users are nodes: the mean of a history ranks better than its user's own vector (docs/graphs.md).
            Self::Items(vectors) | Self::UsersItems(UserItemVectors { items: vectors, .. }) => {
                UserSide::Pooled(vectors.pooled(Pooling::default(), Scoring::InOut).scored_by(metric))
            }
            Self::Towers(model) => UserSide::Towers(model.user_embedder()),
            Self::Dssm(model) => UserSide::Dssm(model.user_embedder()),
        }
    }

    /// Every setting it was learned with, for `run.json`.
    pub(crate) fn params(&self) -> ModelParams<'_> {
        match self {
            Self::Items(vectors) | Self::UsersItems(UserItemVectors { items: vectors, .. }) => {
                ModelParams::Sequence(&vectors.params)
            }
            Self::Towers(model) => ModelParams::Towers { towers: model.params(), fit: model.fit_record() },
            Self::Dssm(model) => ModelParams::Dssm { towers: model.params(), fit: model.fit_record() },
        }
    }

    /// Writes it into one file.
    pub(crate) fn save(&self, path: &Path) -> Result<(), StoreError> {
        match self {
            Self::Items(vectors) => vectors.save(path),
            Self::UsersItems(vectors) => vectors.save(path),
            Self::Towers(model) => model.save(path),
            Self::Dssm(model) => model.save(path),
        }
    }

    /// Reads what [`Model::save`] wrote for a method, checked byte by byte.
    pub(crate) fn open(method: Method, path: &Path) -> Result<Self, CliError> {
        match method {
            Method::Item2vec => Ok(Self::Items(ItemVectors::open(path)?)),
            Method::Mf | Method::YoutubeDnn | Method::Contrastive => Ok(Self::Towers(IdTowers::open(path)?)),
            Method::Dssm => Ok(Self::Dssm(Dssm::open(path)?)),
            Method::Deepwalk | Method::Node2vec => {
                let bipartite = Reader::open_any(path)?.kind() == UserItemVectors::KIND.name;
                Ok(if bipartite {
                    Self::UsersItems(UserItemVectors::open(path)?)
                } else {
                    Self::Items(ItemVectors::open(path)?)
                })
            }
        }
    }
}

/// The settings of a model, written as they are: numbers keep the digits of their type.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum ModelParams<'a> {
    Sequence(&'a Params),
    Towers { towers: &'a TowersParams, fit: &'a FitRecord },
    Dssm { towers: &'a DssmParams, fit: &'a FitRecord },
}

/// How user vectors are scored against item vectors, unless `--metric` says otherwise.
pub(crate) fn metric_of(method: Method) -> Metric {
    match method {
        Method::Item2vec | Method::Deepwalk | Method::Node2vec => Metric::InnerProduct,
        Method::Mf | Method::YoutubeDnn | Method::Dssm | Method::Contrastive => Metric::Cosine,
    }
}

/// Whom something is recommended to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Whom<'a> {
    /// The user of the training log, if it is one.
    pub(crate) user: Option<u32>,
    /// Their items, oldest first.
    pub(crate) history: &'a [ItemId],
    /// A row of features of somebody new, for a model that looks at features.
    pub(crate) features: Option<(&'a Records, usize)>,
}

/// Makes a user's vector.
#[derive(Debug)]
pub(crate) enum UserSide {
    Pooled(Pooled),
    Towers(UserEmbedder<IdTowers>),
    Dssm(UserEmbedder<Dssm>),
}

impl UserSide {
    /// Whether it can make a vector of somebody without a history.
    pub(crate) fn knows_features(&self) -> bool {
        matches!(self, Self::Dssm(side) if !side.model().coder().schema().user.features.is_empty())
    }
}

impl Embedder<Whom<'_>> for UserSide {
    fn dim(&self) -> usize {
        match self {
            Self::Pooled(pooled) => pooled.dim(),
            Self::Towers(side) => side.dim(),
            Self::Dssm(side) => side.dim(),
        }
    }

    fn space(&self) -> Space {
        match self {
            Self::Pooled(pooled) => pooled.space(),
            Self::Towers(side) => side.space(),
            Self::Dssm(side) => side.space(),
        }
    }

    fn metric(&self) -> Option<Metric> {
        match self {
            Self::Pooled(pooled) => pooled.metric(),
            Self::Towers(side) => side.metric(),
            Self::Dssm(side) => side.metric(),
        }
    }

    fn keys(&self) -> Option<KeyTable> {
        match self {
            Self::Pooled(pooled) => pooled.keys(),
            Self::Towers(side) => side.keys(),
            Self::Dssm(side) => side.keys(),
        }
    }

    fn embed_into(&self, whom: &Whom<'_>, out: &mut [f32]) -> Result<(), EmbedError> {
        match self {
            Self::Pooled(pooled) => pooled.embed_into(whom.history, out),
            Self::Dssm(side) => {
                let known = whom.user.map_or(Who::Nobody, Who::Known);
                let who = whom.features.map_or(known, |(records, row)| Who::Features(records, row));
                side.embed_into(&UserRecord { who, history: whom.history }, out)
            }
            Self::Towers(side) => side.embed_into(&UserInput { user: whom.user, history: whom.history }, out),
        }
    }
}
