use std::sync::Arc;

use embed_core::{Csr, ItemId, Sequences, Vocab};
use nearfield::interactions::Format;
use nearfield::seqemb::{FitError, ItemVectors};

use crate::args::TrainArgs;
use crate::error::CliError;
use crate::histories::{self, Histories};
use crate::manifest::InputFile;
use crate::run::data;
use crate::run::remarks::Remarks;

/// A new log over the items of a model and those that it brings.
pub(super) struct NewData {
    /// The model's items in their order, then the new ones.
    pub(super) items: Arc<Vocab>,
    pub(super) sequences: Sequences,
    pub(super) n_train: usize,
    /// Items of the log that stay out, as they come beside no other.
    pub(super) n_lonely: usize,
    /// The users of the model and of the log, with all that they have, the new after the old.
    pub(super) users: Option<(Vocab, Csr)>,
    pub(super) input: InputFile,
}

impl NewData {
    pub(super) fn read(args: &TrainArgs, old: &ItemVectors, remarks: &mut Remarks) -> Result<Self, CliError> {
        let input = args.input();
        let log = data::read(&input.train, &input.layout.options(), remarks)?;
        let all = data::sequences(&log, log.n_items(), input.session_gap)?;
        let (counts, report) = old.params.preparation.counts(&all)?;
        if report.keys_kept == 0 {
            return Err(FitError::Empty { preparation: Box::new(report) }.into());
        }
        let mut items = Vocab::clone(old.input.vocab());
        let mut ids = Vec::with_capacity(log.n_items());
        for (key, &count) in log.item_keys().keys().zip(&counts) {
            let id = items.get(key);
            ids.push(if id.is_none() && count > 0 { Some(items.intern(key)?) } else { id });
        }
        let renamed =
            |row: &[ItemId]| -> Vec<ItemId> { row.iter().filter_map(|&item| ids[item as usize]).collect() };
        let sequences = Sequences::from_rows(items.len(), all.iter().map(renamed))?;
        let users = match input.layout.format {
            Format::Sessions => None,
            _ => Some(users(args, old, log.user_keys(), log.histories().rows().map(renamed))?),
        };
        let n_lonely = ids.iter().filter(|id| id.is_none()).count();
        let input = InputFile::of(&input.train)?;
        Ok(Self { items: Arc::new(items), sequences, n_train: log.len(), n_lonely, users, input })
    }
}

/// What each user had and has.
fn users(
    args: &TrainArgs,
    old: &ItemVectors,
    keys: &Vocab,
    new: impl Iterator<Item = Vec<ItemId>>,
) -> Result<(Vocab, Csr), CliError> {
    let path = args.model.join(histories::FILE);
    let (mut all, mut rows) = (Vocab::new(), Vec::new());
    if path.exists() {
        let before = Histories::open(&path, old.input.len())?;
        all = before.users().clone();
        rows.extend((0u32..).zip(all.keys()).map(|(user, _)| before.of(user).to_vec()));
    }
    for (key, history) in keys.keys().zip(new) {
        let user = all.intern(key)? as usize;
        if user == rows.len() {
            rows.push(Vec::new());
        }
        rows[user].extend(history);
    }
    Ok((all, Csr::from_rows(rows)))
}
