//! Vectors of users and items: `docs/format.md`, kind "user-items".

use std::path::Path;
use std::sync::Arc;

use embed_core::store::{Fault, Kind, Reader, StoreError, Writer};
use embed_core::{Embeddings, RowMask, Space, Vocab};
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

/// Header of kind `user-items`. The sections are `users.text`, `users.ends`, `items.text`, `items.ends`, `users`, `input`
/// and `output`; in version 2 also `users.trained` and `items.trained` where a row was not.
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
        let n_users = self.n_users.min(nodes.input.len());
        let parts = |table: &Embeddings| {
            let (users, items) = table.vectors().split_at(Axis(0), n_users);
            (users.to_owned(), items.to_owned())
        };
        let trained = |first: usize, n: usize| {
            RowMask::from_fn(n, |row| {
                u32::try_from(first + row).is_ok_and(|node| nodes.input.is_trained(node))
            })
        };
        let of_items = Arc::new(trained(n_users, nodes.input.len() - n_users));
        let keys = item_keys.into();
        let (users, input) = parts(&nodes.input);
        let items = ItemVectors {
            input: Embeddings::new(keys.clone(), input)?.with_trained(Arc::clone(&of_items))?,
            output: Embeddings::new(keys, parts(&nodes.output).1)?.with_trained(of_items)?,
            params: nodes.params.clone(),
            report: nodes.report.clone(),
        };
        let users = Embeddings::in_space(user_keys, users, items.output.space())?;
        Ok(UserItemVectors { users: users.with_trained(trained(0, n_users))?, items })
    }
}

impl UserItemVectors {
    /// The kind of a model file.
    pub const KIND: Kind = Kind::new("user-items", 2);

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
        // Version 1 where all rows are trained, which older readers open.
        let all_trained = input.trained_rows().is_none() && self.users.trained_rows().is_none();
        let version = if all_trained { 1 } else { 2 };
        let mut writer = Writer::create(path, Self::KIND.at_version(version), &header)?;
        writer.vocab("users", self.users.vocab())?.vocab("items", input.vocab())?;
        writer.section("users", self.users.as_slice())?;
        writer.section("input", input.as_slice())?.section("output", output.as_slice())?;
        writer.trained("users.trained", &self.users)?.trained("items.trained", input)?;
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
        let users = reader.trained("users.trained", users)?;
        let (input, output) =
            (reader.trained("items.trained", input)?, reader.trained("items.trained", output)?);
        Ok(Self { users, items: ItemVectors { input, output, params: header.params, report: header.report } })
    }
}
