//! Vectors of users and items: `docs/format.md`, kind "user-items".

use std::path::Path;
use std::sync::Arc;

use embed_core::store::{Fault, Kind, Reader, StoreError, Writer};
use embed_core::{Embeddings, Space, Vocab};
use ndarray::Axis;
use seqemb::{FitReport, ItemVectors, Params};
use serde::{Deserialize, Serialize};

use crate::{LogGraphError, UserItemGraph};

/// What was learned of users and items in one graph. A user's input vector is scored against the items' output vectors
/// by inner product, which is what the training maximised. The mean of the input vectors of a history
/// ([`ItemVectors::pooled`]) needs no user of the graph, and ranked better on Gowalla (`docs/graphs.md`).
#[derive(Debug, Clone, PartialEq)]
pub struct UserItemVectors {
    /// Input vectors of users `[n_users, dim]`, in the space of the items' output vectors.
    pub users: Embeddings,
    /// Both tables of items `[n_items, dim]`.
    pub items: ItemVectors,
}

/// Header of kind `user-items`, version 1. The sections are `users.text`, `users.ends`, `items.text`, `items.ends`,
/// `users`, `input` and `output`.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    params: Params,
    report: FitReport,
    input_space: Space,
    output_space: Space,
}

impl UserItemGraph {
    /// Takes the nodes of this graph apart into users and items, each under keys of their own.
    ///
    /// # Errors
    /// [`LogGraphError::Vectors`] when there is not a key for each user and item, or a row for each node.
    pub fn split(
        &self,
        nodes: &ItemVectors,
        user_keys: impl Into<Arc<Vocab>>,
        item_keys: impl Into<Arc<Vocab>>,
    ) -> Result<UserItemVectors, LogGraphError> {
        let parts = |table: &Embeddings| {
            let (users, items) = table.vectors().split_at(Axis(0), self.n_users.min(table.len()));
            (users.to_owned(), items.to_owned())
        };
        let keys = item_keys.into();
        let (users, input) = parts(&nodes.input);
        let items = ItemVectors {
            input: Embeddings::new(keys.clone(), input)?,
            output: Embeddings::new(keys, parts(&nodes.output).1)?,
            params: nodes.params.clone(),
            report: nodes.report.clone(),
        };
        Ok(UserItemVectors { users: Embeddings::in_space(user_keys, users, items.output.space())?, items })
    }
}

impl UserItemVectors {
    /// The kind of a model file.
    pub const KIND: Kind = Kind::new("user-items", 1);

    /// Writes all tables, keys, settings and the report in one step.
    ///
    /// # Errors
    /// [`StoreError`] when the file cannot be written; an old file is then as it was.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), StoreError> {
        let ItemVectors { input, output, params, report } = &self.items;
        let header = Header {
            params: params.clone(),
            report: report.clone(),
            input_space: input.space(),
            output_space: output.space(),
        };
        let mut writer = Writer::create(path, Self::KIND, &header)?;
        writer.vocab("users", self.users.vocab())?.vocab("items", input.vocab())?;
        writer.section("users", self.users.as_slice())?;
        writer.section("input", input.as_slice())?.section("output", output.as_slice())?;
        writer.finish()
    }

    /// Reads what [`UserItemVectors::save`] wrote, into memory, and verifies all of it.
    ///
    /// # Errors
    /// [`StoreError`] when the file cannot be read, is of another kind, does not match its checksums, or does not hold
    /// finite vectors under distinct keys.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::from_container(&Reader::open_verified(path, Self::KIND)?)
    }

    /// The vectors in an open container; does not [`Reader::verify`] it.
    ///
    /// # Errors
    /// As [`UserItemVectors::open`], without the checksums of the sections.
    pub fn from_container(reader: &Reader) -> Result<Self, StoreError> {
        let header: Header = reader.header()?;
        let (dim, most) = (header.params.dim, Params::MAX_DIM as u64);
        let got = dim as u64;
        if !(1..=most).contains(&got) {
            let field = "dim".to_owned();
            return Err(reader.malformed(Fault::Field { field, expected: got.clamp(1, most), got }));
        }
        let (users, items) = (Arc::new(reader.vocab("users")?), Arc::new(reader.vocab("items")?));
        let output = reader.embeddings("output", items.clone(), dim, header.output_space)?;
        let input = reader.embeddings("input", items.clone(), dim, header.input_space)?;
        let users = reader.embeddings("users", users.clone(), dim, header.output_space)?;
        Ok(Self { users, items: ItemVectors { input, output, params: header.params, report: header.report } })
    }
}
