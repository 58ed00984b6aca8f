//! Trained models as user sides and as files.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, unreachable_pub, dead_code)]

mod common;

use common::{ITEMS, bits, fit, in_batch, models, params};
use embed_core::testkit::{EmbedderSuite, embedder};
use embed_core::{ItemId, Run, SeededRng};
use towers::train::FitParams;
use towers::{IdTowers, UserInput};

#[test]
fn user_sides_keep_the_contract_of_embedders() {
    let histories: [&[ItemId]; 4] = [&[1, 2, 3], &[59], &[4, 4, 4, 4], &[7; 70]];
    for (name, towers) in models() {
        let fit_params = FitParams { epochs: 1, ..params() };
        let model = fit(&towers, &fit_params, in_batch(), &mut Run::seeded(1)).unwrap();
        let unknown_item = u32::try_from(ITEMS).unwrap();
        let refused: [&[ItemId]; 2] = [&[], &[unknown_item]];
        if !towers.user_id {
            let suite =
                EmbedderSuite { batch_tolerance: 1e-5, ..EmbedderSuite::new(name, &histories, &refused) };
            embedder(&model.history_embedder(), &suite);
        }
        let inputs: Vec<UserInput<'_>> =
            (0..).zip(histories).map(|(u, history)| UserInput { user: Some(u), history }).collect();
        let inputs: Vec<&UserInput<'_>> = inputs.iter().collect();
        let unknown = UserInput { user: Some(150), history: &[1] };
        let nobody = UserInput { user: None, history: &[1] };
        let refused: Vec<&UserInput<'_>> = if towers.user_id { vec![&unknown, &nobody] } else { vec![] };
        let suite = EmbedderSuite { batch_tolerance: 1e-5, ..EmbedderSuite::new(name, &inputs, &refused) };
        embedder::<UserInput<'_>>(&model.user_embedder(), &suite);
    }
}

#[test]
fn files_give_the_model_back_and_damage_is_found() {
    let folder = tempfile::tempdir().unwrap();
    for (name, towers) in models() {
        let path = folder.path().join(name);
        let fit_params = FitParams { epochs: 1, ..params() };
        let model = fit(&towers, &fit_params, in_batch(), &mut Run::seeded(1)).unwrap();
        model.save(&path).unwrap();
        let opened = IdTowers::open(&path).unwrap();
        assert!(bits(&opened) == bits(&model), "{name}");
        assert_eq!((opened.params(), opened.report()), (model.params(), model.report()));
        assert_eq!((opened.items(), opened.users()), (model.items(), model.users()));
        let bytes = std::fs::read(&path).unwrap();
        let mut rng = SeededRng::new(7);
        for _ in 0..40 {
            let mut damaged = bytes.clone();
            let at = rng.below(u32::try_from(bytes.len()).unwrap()) as usize;
            damaged[at] ^= 1 << rng.below(8);
            std::fs::write(&path, &damaged).unwrap();
            // Padding between sections may change; nothing else.
            if let Ok(opened) = IdTowers::open(&path) {
                assert!(bits(&opened) == bits(&model), "{name}: byte {at}");
            }
            std::fs::write(&path, &bytes[..at]).unwrap();
            assert!(IdTowers::open(&path).is_err());
        }
    }
}
