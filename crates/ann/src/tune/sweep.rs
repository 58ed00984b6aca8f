use embed_core::{AnnIndex, Effort, Progress, Run, SearchRequest};
use ndarray::Array2;

use super::{EffortPoint, Efforts, Sample, Truth, TuneError, TuneParams};
use crate::{Codes, Index, Refine, Vectors};

/// After twice the effort twice over, recall that has risen by less than this rises no more.
const STALLED: f32 = 1e-3;
const BACK: u64 = 4;

impl Index {
    /// Measures recall on a sample of queries at rising efforts, until `params.recall` is reached, and keeps the
    /// efforts, so that searches may ask for [`Effort::Recall`]. The efforts travel in the index's file; they replace
    /// earlier ones for the same k and leave those for others.
    ///
    /// Recall is that of searches without a filter, counts ties as found ([`Truth`]) and is that of the sample:
    /// other queries from the same law reach it on average, not each. Returns the least effort that reached it, within
    /// one part in fifty.
    ///
    /// Complexity: an exact search of the sample, and about five times the cost of searching at the last effort.
    /// Memory: where the sample has no vectors, a copy of those of the index meanwhile.
    ///
    /// *Determinism.* The same index and sample give the same efforts on any number of threads.
    ///
    /// ```
    /// use ann::{IndexSpec, TuneParams};
    /// use embed_core::{AnnIndex, Effort, Metric, Run, SearchRequest, testkit};
    ///
    /// let vectors = testkit::clustered(5000, 16, 20, 1);
    /// let queries = testkit::clustered(200, 16, 20, 2);
    /// let mut run = Run::seeded(7);
    /// let mut index = "IVF70,Flat".parse::<IndexSpec>()?.build(&vectors, Metric::L2, &mut run)?;
    /// let point = index.tune(&queries, &TuneParams::recall(0.95), &mut run)?;
    /// assert!(point.recall >= 0.95 && point.effort < 70);
    /// let request = SearchRequest::k(10).effort(Effort::Recall(0.9));
    /// assert_eq!(index.search_by_id(3, &request)?[0].id, 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// - [`TuneError::Recall`], [`TuneError::Params`] for the parameters; [`TuneError::NoQueries`].
    /// - [`TuneError::CodesOnly`] when neither the index nor the sample has vectors; [`TuneError::OtherVectors`]
    ///   when the sample's are not those of the index; [`TuneError::Build`], [`TuneError::Search`] when vectors or
    ///   queries are bad.
    /// - [`TuneError::OutOfReach`] with the best recall when more effort finds no more.
    /// - [`TuneError::Cancelled`] when the observer stops the run.
    ///
    /// In each case the index is as it was.
    pub fn tune<'s>(
        &mut self,
        sample: impl Into<Sample<'s>>,
        params: &TuneParams,
        run: &mut Run<'_>,
    ) -> Result<EffortPoint, TuneError> {
        params.validate()?;
        let sample = sample.into();
        let own;
        let vectors = match sample.vectors {
            Some(vectors) => {
                let ((rows, dim), (got_rows, got_dim)) = ((self.id_bound(), self.dim()), vectors.dim());
                if (rows, dim) != (got_rows, got_dim) {
                    return Err(TuneError::OtherVectors { rows, dim, got_rows, got_dim });
                }
                Vectors::from(vectors).chosen_as_in(self.names())
            }
            None => {
                own = self.vectors()?;
                Vectors::from(&own).rows_of(self.names())
            }
        };
        let truth = Truth::exact(vectors, sample.queries, self.metric(), params.k, run)?;
        let curve = self.measure(&truth, &sample, params, run)?;
        let reached = curve.iter().find(|point| point.recall >= params.recall).copied();
        let best = curve.iter().copied().reduce(|a, b| if b.recall > a.recall { b } else { a });
        let Some(point) = reached else {
            let (reached, effort) = best.map_or((0.0, 0), |best| (best.recall, best.effort));
            return Err(TuneError::OutOfReach { recall: params.recall, k: params.k, reached, effort });
        };
        if let Some(efforts) = self.efforts_mut() {
            efforts.replace(point.k, &curve);
        }
        Ok(point)
    }

    /// What [`Index::tune`] has measured: by k, then by recall. Empty where it was not called, and for [`Flat`](crate::Flat),
    /// which always finds all.
    #[must_use]
    pub fn efforts(&self) -> &[EffortPoint] {
        self.efforts_table().map_or(&[], Efforts::points)
    }

    pub(crate) fn efforts_table(&self) -> Option<&Efforts> {
        match self {
            Self::Flat(_) => None,
            Self::Hnsw(index) => Some(&index.efforts),
            Self::Ivf(index) => Some(&index.efforts),
            Self::Quantized(index) => Some(&index.0.efforts),
            Self::RpForest(index) => Some(&index.efforts),
        }
    }

    pub(crate) fn efforts_mut(&mut self) -> Option<&mut Efforts> {
        match self {
            Self::Flat(_) => None,
            Self::Hnsw(index) => Some(&mut index.efforts),
            Self::Ivf(index) => Some(&mut index.efforts),
            Self::Quantized(index) => Some(&mut index.0.efforts),
            Self::RpForest(index) => Some(&mut index.efforts),
        }
    }

    /// The exact vectors `[n, dim]`, in the order of their ids.
    fn vectors(&self) -> Result<Array2<f32>, TuneError> {
        let coding = match self {
            Self::Ivf(index) => Some(index.params.coding),
            Self::Quantized(index) => Some(index.coding()),
            Self::Flat(_) | Self::Hnsw(_) | Self::RpForest(_) => None,
        };
        if coding.is_some_and(|coding| coding.codes != Codes::Flat && coding.refine != Refine::Flat) {
            return Err(TuneError::CodesOnly);
        }
        let mut vectors = Array2::zeros((self.len(), self.dim()));
        let ids = self.names().ids.as_deref();
        for (row, mut slot) in (0..).zip(vectors.rows_mut()) {
            let id = ids.map_or(row, |ids| ids.ids()[row as usize]);
            self.vector_into(id, slot.as_slice_mut().unwrap_or_default())?;
        }
        Ok(vectors)
    }

    /// Recall at rising efforts, until it is enough or rises no more; by effort.
    fn measure(
        &self,
        truth: &Truth<'_>,
        sample: &Sample<'_>,
        params: &TuneParams,
        run: &mut Run<'_>,
    ) -> Result<Vec<EffortPoint>, TuneError> {
        let ladder = self.effort_ladder(params.k);
        let mut curve: Vec<EffortPoint> = Vec::new();
        let mut at = |effort: usize, measured: usize| {
            let steps = Progress::new("tune", measured as u64, ladder.len() as u64).unit("efforts");
            if !run.report(&steps).goes_on() {
                return Err(TuneError::Cancelled { measured });
            }
            let request = [SearchRequest::k(params.k).effort(Effort::Value(effort))];
            let answers = self.search_batch(sample.queries, &request, run.parallelism)?;
            #[expect(clippy::cast_possible_truncation, reason = "a recall needs no more digits")]
            let recall = truth.recall(&answers) as f32;
            // Validated to be at most 65,536.
            let k = u32::try_from(params.k).unwrap_or(u32::MAX);
            Ok::<_, TuneError>(EffortPoint { k, recall, effort: effort as u64 })
        };
        for &effort in &ladder {
            let point = at(effort, curve.len())?;
            curve.push(point);
            let earlier = curve.iter().rev().find(|before| before.effort <= point.effort / BACK);
            let stalled = earlier.is_some_and(|before| point.recall < before.recall + STALLED);
            if point.recall >= params.recall || stalled {
                break;
            }
        }
        // Between the last two steps, the least effort that is enough.
        let (mut below, mut above) = match curve[..] {
            [.., before, last] if last.recall >= params.recall => (before.effort, last.effort),
            _ => (0, 0),
        };
        while above - below > (above / 50).max(1) {
            let middle = below.midpoint(above);
            let point = at(usize::try_from(middle).unwrap_or(usize::MAX), curve.len())?;
            curve.push(point);
            if point.recall >= params.recall { above = middle } else { below = middle }
        }
        curve.sort_by_key(|point| point.effort);
        Ok(curve)
    }
}
