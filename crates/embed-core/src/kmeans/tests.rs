use ndarray::{Array2, s};

use super::*;
use crate::testkit::{THREADS, clustered};
use crate::{Flow, Parallelism, kernel};

fn fit(vectors: &Array2<f32>, k: usize, run: &mut Run<'_>) -> KMeans {
    KMeans::fit(vectors.view(), &KMeansParams::new(k), run).unwrap()
}

#[test]
fn separate_clusters_are_found() {
    let mut vectors = clustered(900, 6, 0, 1).mapv(|x| 0.1 * x);
    for (row, mut vector) in vectors.rows_mut().into_iter().enumerate() {
        vector[0] += 10.0 * (row % 3) as f32;
    }
    let means = fit(&vectors, 3, &mut Run::seeded(1));
    let mut first: Vec<f32> = means.centroids.column(0).to_vec();
    first.sort_by(f32::total_cmp);
    for (got, expected) in first.iter().zip([0.0, 10.0, 20.0]) {
        assert!((got - expected).abs() < 0.05, "{first:?}");
    }
    assert!((means.error - 0.06).abs() < 0.01, "{}", means.error);
}

#[test]
fn the_bits_do_not_depend_on_threads_but_on_the_seed() {
    let vectors = clustered(5000, 9, 40, 2);
    for k in [1, 50, 600] {
        let run = |threads| fit(&vectors, k, &mut Run::seeded(3).threads(threads));
        let one = run(1);
        for threads in THREADS {
            assert_eq!(run(threads), one, "{k} centroids on {threads} threads");
        }
        assert!(k == 1 || one != fit(&vectors, k, &mut Run::seeded(4)));
    }
}

#[test]
fn every_centroid_has_rows_where_there_are_enough_different_ones() {
    // Half of the rows are the same one.
    let mut vectors = clustered(1000, 4, 10, 5);
    vectors.slice_mut(s![..500, ..]).fill(0.25);
    for k in [64, 450] {
        let means = fit(&vectors, k, &mut Run::seeded(6));
        let (nearest, _) =
            Assigner::new(means.centroids.view()).assign(vectors.view(), Parallelism::All).unwrap();
        let mut used: Vec<u32> = nearest;
        used.sort_unstable();
        used.dedup();
        assert!(used.len() * 10 >= k * 9, "{} of {k} are used", used.len());
    }
}

#[test]
fn assignment_is_to_the_nearest() {
    let vectors = clustered(300, 13, 4, 7);
    let centroids = clustered(70, 13, 4, 8);
    let assigner = Assigner::new(centroids.view());
    let (nearest, scores) = assigner.assign(vectors.view(), Parallelism::All).unwrap();
    for (row, vector) in vectors.rows().into_iter().enumerate() {
        let x = vector.as_slice().unwrap();
        let distance = |c: usize| kernel::squared_l2(x, centroids.row(c).as_slice().unwrap());
        let best = (0..70).map(distance).fold(f32::INFINITY, f32::min);
        let got = distance(nearest[row] as usize);
        assert!(got <= best + 1e-4, "row {row}: {got}, the nearest is {best} away");
        let square: f32 = x.iter().map(|x| x * x).sum();
        assert!((square - 2.0 * scores[row] - got).abs() < 1e-3);
        // Alone as among others.
        let alone = assigner.assign(vectors.slice(s![row..row + 1, ..]), Parallelism::All).unwrap();
        assert_eq!(alone, (vec![nearest[row]], vec![scores[row]]));
    }
}

#[test]
fn more_centroids_leave_less_error() {
    let vectors = clustered(4000, 8, 30, 9);
    let errors = [1, 8, 60, 300, 600, 1200].map(|k| fit(&vectors, k, &mut Run::seeded(1)).error);
    assert!(errors.is_sorted_by(|a, b| a > b), "{errors:?}");
}

#[test]
fn few_or_equal_rows_are_their_own_centroids() {
    let vectors = clustered(5, 3, 2, 1);
    let means = fit(&vectors, 9, &mut Run::seeded(1));
    assert_eq!((means.centroids.dim(), means.error), ((5, 3), 0.0));
    assert_eq!(fit(&Array2::zeros((0, 3)), 2, &mut Run::default()).centroids.dim(), (0, 3));
    assert_eq!(fit(&Array2::zeros((4, 0)), 2, &mut Run::default()).centroids.dim(), (2, 0));
    let equal = fit(&Array2::from_elem((900, 3), 0.5), 500, &mut Run::default());
    assert!(equal.centroids.iter().all(|&x| x == 0.5));
}

#[test]
fn what_is_wrong_has_its_error() {
    let mut vectors = clustered(60, 3, 2, 1);
    let zero = KMeans::fit(vectors.view(), &KMeansParams::new(0), &mut Run::default());
    assert_eq!(zero.unwrap_err().to_string(), "k must be at least 1");
    let mut calls = 0;
    let mut stop = |_: &Progress<'_>| {
        calls += 1;
        if calls > 2 { Flow::Stop } else { Flow::Continue }
    };
    let stopped = KMeans::fit(vectors.view(), &KMeansParams::new(9), &mut Run::default().observed(&mut stop));
    assert!(matches!(stopped, Err(KMeansError::Cancelled { done: 2, total: 10 })), "{stopped:?}");
    vectors[[7, 2]] = f32::INFINITY;
    let bad = KMeans::fit(vectors.view(), &KMeansParams::new(9), &mut Run::default());
    assert_eq!(bad.unwrap_err().to_string(), "row 7 has inf in column 2");
}

#[test]
fn rows_that_are_there_give_what_rows_that_are_read_give() {
    let vectors = clustered(900, 6, 8, 3);
    let read = |row: usize, out: &mut [f32]| out.copy_from_slice(vectors.row(row).as_slice().unwrap());
    for k in [12, 600] {
        let params = KMeansParams { k, iterations: 4, sample: 1000 };
        let fitted = KMeans::fit(vectors.view(), &params, &mut Run::seeded(5)).unwrap();
        assert_eq!(fitted, KMeans::fit_read(900, 6, &read, &params, &mut Run::seeded(5)).unwrap());
        let order = draw(900, k * params.sample, 5);
        let drawn = order.iter().flat_map(|&row| vectors.row(row as usize).to_vec()).collect::<Vec<_>>();
        assert_eq!(
            fitted,
            KMeans::fit_all(&drawn, 6, &params, &mut Run::seeded(5)).unwrap(),
            "{k} centroids"
        );
        let assigner = Assigner::new(fitted.centroids.view());
        let held = assigner.assign(vectors.slice(ndarray::s![3.., ..]), Parallelism::Sequential).unwrap();
        assert_eq!(held, assigner.assign_read(3..900, &read, Parallelism::All).unwrap());
    }
    let mut broken = vectors.into_raw_vec_and_offset().0;
    broken[4 * 6 + 2] = f32::NAN;
    let outcome = KMeans::fit_all(&broken, 6, &KMeansParams::new(3), &mut Run::seeded(5));
    assert!(matches!(outcome, Err(KMeansError::NotFinite { row: 4, column: 2, .. })));
}
