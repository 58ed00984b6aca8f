//! How many of an item's ten nearest neighbours share a genre with it: Item2Vec beside a truncated SVD of the same
//! matrix, for the popular, middle and unpopular third of the items (Barkan & Koenigstein 2016, section 4).
//!
//! `cargo run --release --example genre_agreement -- RATINGS MOVIES`
//!
//! RATINGS is `user<TAB>movie<TAB>…` with users together, MOVIES is `movie<TAB>title<TAB>genre|genre` (MovieLens 1M).

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;

use ndarray::{Array2, ArrayView2};
use nearfield::embed_core::{Csr, SeededRng, kernel};
use nearfield::prelude::*;

mod movielens;

const DIM: usize = 64;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [ratings, movies] = &arguments[..] else {
        println!("usage: genre_agreement RATINGS MOVIES");
        return Ok(());
    };
    let (log, genres) = movielens::read(ratings, movies)?;
    let counts = log.item_counts();
    let params = ItemToVec { dim: DIM, epochs: 40, ..ItemToVec::basket() };
    let items = SkipGram::fit(&params, &log.sequences(), log.item_keys().clone(), &mut Run::seeded(1))?;
    println!("{:10} {:>8} {:>8} {:>9} {:>8}", "", "popular", "middle", "unpopular", "all");
    for (name, vectors) in
        [("item2vec", items.input.vectors().to_owned()), ("svd", svd(&log.histories(), counts.len(), DIM))]
    {
        let [popular, middle, unpopular, all] = agreement(vectors.view(), &counts, &genres);
        println!("{name:10} {popular:8.4} {middle:8.4} {unpopular:9.4} {all:8.4}");
    }
    Ok(())
}

/// Mean share of the ten nearest by cosine that have a genre of the item, by third of popularity and over all.
fn agreement(vectors: ArrayView2<'_, f32>, counts: &[u64], genres: &[Vec<String>]) -> [f64; 4] {
    let unit: Vec<Vec<f32>> = vectors
        .rows()
        .into_iter()
        .map(|row| {
            let norm = row.dot(&row).sqrt().max(f32::MIN_POSITIVE);
            row.iter().map(|x| x / norm).collect()
        })
        .collect();
    let mut order: Vec<usize> = (0..counts.len()).collect();
    order.sort_by_key(|&item| std::cmp::Reverse(counts[item]));
    let share = |item: usize| -> f64 {
        let mut near: Vec<(f32, usize)> = (0..unit.len())
            .filter(|&other| other != item)
            .map(|other| (kernel::dot(&unit[item], &unit[other]), other))
            .collect();
        near.sort_by(|a, b| b.0.total_cmp(&a.0));
        let agrees = |other: usize| genres[other].iter().any(|genre| genres[item].contains(genre));
        near.iter().take(10).filter(|(_, other)| agrees(*other)).count() as f64 / 10.0
    };
    let shares: Vec<f64> = order.iter().map(|&item| share(item)).collect();
    let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len().max(1) as f64;
    let third = shares.len() / 3;
    [mean(&shares[..third]), mean(&shares[third..2 * third]), mean(&shares[2 * third..]), mean(&shares)]
}

/// Item factors `√σᵢ vᵢ` of the largest singular values of the matrix of users and items, by orthogonal iteration.
#[expect(clippy::cast_possible_truncation, reason = "vectors are f32")]
fn svd(histories: &Csr, n_items: usize, rank: usize) -> Array2<f32> {
    let mut rng = SeededRng::new(1);
    let mut v = Array2::from_shape_fn((n_items, rank), |_| f64::from(rng.unit_f32()) - 0.5);
    let mut values = vec![0.0; rank];
    for _ in 0..30 {
        orthonormalize(&mut v);
        let mut next = Array2::<f64>::zeros((n_items, rank));
        for user in 0..histories.n_rows() {
            let row = histories.row(user);
            let mut sum = vec![0.0; rank];
            for &item in row {
                sum.iter_mut().zip(v.row(item as usize)).for_each(|(s, x)| *s += x);
            }
            for &item in row {
                next.row_mut(item as usize).iter_mut().zip(&sum).for_each(|(x, s)| *x += s);
            }
        }
        values = next.columns().into_iter().map(|column| column.dot(&column).sqrt().sqrt()).collect();
        v = next;
    }
    orthonormalize(&mut v);
    let value = |(item, k)| (v[[item, k]] * values[k].sqrt()) as f32;
    Array2::from_shape_fn((n_items, rank), value)
}

/// Gram and Schmidt, twice for accuracy.
fn orthonormalize(v: &mut Array2<f64>) {
    for k in 0..v.ncols() {
        for _ in 0..2 {
            for j in 0..k {
                let product = v.column(j).dot(&v.column(k));
                let other = v.column(j).to_owned();
                v.column_mut(k).scaled_add(-product, &other);
            }
        }
        let norm = v.column(k).dot(&v.column(k)).sqrt().max(1e-30);
        v.column_mut(k).mapv_inplace(|x| x / norm);
    }
}
