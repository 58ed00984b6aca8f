//! Features of users and items, from the files that the command line names.

use std::path::Path;

use embed_core::FeatureFrame;
use nearfield::interactions::{FeatureOptions, ReadError, read_features};
use nearfield::towers::features::{Schema, SchemaOptions, Side};

use crate::args::{FeatureArgs, RunArgs};
use crate::error::CliError;

/// What is known of users and items.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    pub(crate) users: Option<FeatureFrame>,
    pub(crate) items: Option<FeatureFrame>,
}

impl Frames {
    /// Reads the files that are named.
    ///
    /// # Errors
    /// [`CliError::ReadLog`] names file, row and column; [`CliError::NoColumn`] for a type of a column that neither file has.
    pub(crate) fn read(args: &FeatureArgs) -> Result<Self, CliError> {
        let mut found = vec![false; args.feature_types.len()];
        let mut read = |path: &Option<std::path::PathBuf>| -> Result<Option<FeatureFrame>, CliError> {
            let Some(path) = path else { return Ok(None) };
            let untyped = read_features(path, &FeatureOptions::default());
            let has = |name: &str| match &untyped {
                Ok(frame) => frame.column(name).is_some(),
                // Another type may be what mends it.
                Err(ReadError::Feature { .. }) => true,
                Err(_) => false,
            };
            let mut types = Vec::new();
            for ((name, kind), found) in args.feature_types.iter().zip(&mut found) {
                if has(name) {
                    *found = true;
                    types.push((name.clone(), *kind));
                }
            }
            if types.is_empty() {
                return Ok(Some(untyped?));
            }
            Ok(Some(read_features(path, &FeatureOptions { types, ..FeatureOptions::default() })?))
        };
        let frames = Self { users: read(&args.user_features)?, items: read(&args.item_features)? };
        match args.feature_types.iter().zip(found).find(|(_, found)| !found) {
            Some(((column, _), _)) => Err(CliError::NoColumn { column: column.clone() }),
            None => Ok(frames),
        }
    }

    /// Check for options of histories where items have nothing that a history could be pooled of.
    ///
    /// # Errors
    /// [`CliError::NotAnOption`] names the first.
    pub(crate) fn check(&self, args: &RunArgs) -> Result<(), CliError> {
        match args.tower.of_histories() {
            Some(option) if self.schema(args).history.is_none() => Err(CliError::NotAnOption {
                option: option.to_owned(),
                with: "--no-ids without a category or list in --item-features".to_owned(),
                of: "models with a history".to_owned(),
            }),
            _ => Ok(()),
        }
    }

    /// Every column as a feature; the item's id, and the history by everything that items are known by.
    pub(crate) fn schema(&self, args: &RunArgs) -> Schema {
        let (pooling, max_history, view) = args.tower.history();
        let (item_id, id_dropout) = (!args.features.no_ids, args.features.id_dropout);
        let options = SchemaOptions { item_id, id_dropout, pooling, max_history, view };
        Schema::of_frames(self.users.as_ref(), self.items.as_ref(), &options)
    }
}

/// Reads a file of features for a model that knows which it wants.
///
/// # Errors
/// [`CliError::ReadLog`]: a column that is missing, or a value that is not of its type, with its row.
pub(crate) fn of_model(path: &Path, schema: &Schema, side: Side) -> Result<FeatureFrame, CliError> {
    let types = schema.side(side).features.iter().map(|feature| (feature.column.clone(), feature.kind));
    let options = FeatureOptions { types: types.collect(), only_these: true, ..FeatureOptions::default() };
    Ok(read_features(path, &options)?)
}
