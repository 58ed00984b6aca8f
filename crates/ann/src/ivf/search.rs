use embed_core::{ItemId, Neighbor, Parallelism, SearchError, SearchRequest, Stop};
use ndarray::ArrayView2;
use rayon::prelude::*;

use super::line::Line;
use super::payload::Payload;
use super::scan::{Scratch, Visit};
use super::{Exact, Ivf};
use crate::implement::by_row;
use crate::scoring::{Scoring, check, prepare};

/// Queries that go through the lists together, at most and at least.
const TOGETHER: (usize, usize) = (64, 1024);

by_row!(Ivf);

impl Ivf {
    fn n_rows(&self) -> usize {
        self.n
    }

    fn row_into(&self, row: ItemId, out: &mut [f32]) -> Result<(), SearchError> {
        self.stored_vector(row, out)
    }

    fn search_rows(
        &self,
        query: &[f32],
        request: &SearchRequest<'_>,
        out: &mut Vec<Neighbor>,
    ) -> Result<(), SearchError> {
        check(request, query, self.dim)?;
        self.checked_effort(request)?;
        self.together(&prepare(self.metric, query), &[*request], std::slice::from_mut(out));
        Ok(())
    }

    fn search_rows_batch(
        &self,
        queries: ArrayView2<'_, f32>,
        requests: &[SearchRequest<'_>],
        parallelism: Parallelism,
    ) -> Result<Vec<Vec<Neighbor>>, SearchError> {
        let (n, dim) = queries.dim();
        if requests.len() != 1 && requests.len() != n {
            return Err(SearchError::Requests { queries: n, requests: requests.len() });
        }
        if dim != self.dim {
            return Err(SearchError::Dimension { expected: self.dim, got: dim });
        }
        let mut prepared = Vec::with_capacity(n * dim);
        for (q, query) in queries.rows().into_iter().enumerate() {
            let query = query.as_standard_layout();
            let query = query.as_slice().unwrap_or_default();
            let request = &requests[q.min(requests.len() - 1)];
            check(request, query, dim)?;
            self.checked_effort(request)?;
            prepared.extend_from_slice(&prepare(self.metric, query));
        }
        let mut out = vec![Vec::new(); n];
        // Codes come with tables that many queries would push out of the cache.
        let most = if matches!(self.payload, Payload::Flat { .. }) { 4 * TOGETHER.1 } else { TOGETHER.1 };
        let together = n.div_ceil(parallelism.count().max(1)).clamp(TOGETHER.0, most);
        parallelism.install(|| {
            out.par_chunks_mut(together).zip(prepared.par_chunks(together * dim)).enumerate().for_each(
                |(chunk, (out, queries))| {
                    let requests = match requests {
                        [one] => std::slice::from_ref(one),
                        each => &each[chunk * together..chunk * together + out.len()],
                    };
                    self.together(queries, requests, out);
                },
            );
        })?;
        Ok(out)
    }
}

impl Ivf {
    fn checked_effort(&self, request: &SearchRequest<'_>) -> Result<(), SearchError> {
        self.efforts.resolve(request).map(|_| ())
    }

    /// Lists to look into, and candidates for `k` answers.
    pub(super) fn plan(&self, request: &SearchRequest<'_>, k: usize) -> (usize, usize) {
        let nlist = self.coarse.len();
        // Checked before.
        let value = self.efforts.resolve(request).ok().flatten();
        let (nprobe, times) = if self.listed {
            let nprobe = value.unwrap_or_else(|| self.params.probes(nlist)).clamp(1, nlist.max(1));
            (nprobe, self.params.times(nprobe))
        } else {
            let default = if self.params.refine == 0 { 8 } else { self.params.refine };
            (1, value.unwrap_or(default).max(1))
        };
        (nprobe, if matches!(self.exact, Exact::None) { k } else { k.saturating_mul(times) })
    }

    /// Answers prepared queries, which have been checked; one request for all or one each.
    fn together(&self, queries: &[f32], requests: &[SearchRequest<'_>], out: &mut [Vec<Neighbor>]) {
        let turned = self.rotation.as_ref().map(|rotation| rotation.turn(queries));
        let rotated = turned.as_deref().unwrap_or(queries);
        let mut lines: Vec<Line<'_>> = queries
            .chunks_exact(self.dim)
            .zip(rotated.chunks_exact(self.dim))
            .enumerate()
            .map(|(q, (query, rotated))| {
                Line::new(self, query, rotated, &requests[q.min(requests.len() - 1)])
            })
            .collect();
        let walked: Vec<bool> = lines.iter_mut().map(|line| !self.answer_directly(line)).collect();
        if walked.contains(&true) {
            self.choose_lists(&walked, &mut lines);
            self.walk(&walked, &mut lines);
        }
        for ((line, out), walked) in lines.iter_mut().zip(out).zip(walked) {
            if walked {
                self.exact.refine(Scoring::of(self.metric), line);
            }
            line.best.drain_into(out);
        }
    }

    /// Fills in the probes of every line.
    fn choose_lists(&self, walked: &[bool], lines: &mut [Line<'_>]) {
        let nlist = self.coarse.len();
        let ranged = |line: &Line<'_>| matches!(line.request.stop, Stop::Radius(_));
        let most = |line: &Line<'_>| if ranged(line) { nlist } else { self.plan(line.request, 0).0 };
        let wanting = || lines.iter().zip(walked).filter(|(_, walked)| **walked);
        let queries: Vec<(&[f32], usize)> = wanting().map(|(line, _)| (line.rotated, most(line))).collect();
        let mut probes = self.coarse.rank(&queries).into_iter();
        for (line, _) in lines.iter_mut().zip(walked).filter(|(_, walked)| **walked) {
            line.probes = probes.next().unwrap_or_default();
            if ranged(line) {
                let (radii, reach) = (&self.radii, line.best.threshold());
                let (metric, square, length) = (self.metric, line.square, line.length);
                let coarse = &self.coarse;
                line.probes.retain(|probe| {
                    let radius = radii.get(probe.list as usize).copied().unwrap_or(f32::INFINITY);
                    coarse.may_hold(metric, (probe, radius), (square, length), reach)
                });
            }
        }
    }

    /// Takes every line through its lists, and through further ones where it has found too few.
    fn walk(&self, walked: &[bool], lines: &mut [Line<'_>]) {
        let mut scratch = Scratch::new();
        // Nearest lists first, so that what comes later has good candidates to compete with.
        let first = |p: usize| p == 0;
        self.visit(walked, lines, first, &mut scratch);
        self.visit(walked, lines, |p| !first(p), &mut scratch);
        for (l, _) in walked.iter().enumerate().filter(|(_, walked)| **walked) {
            let line = &lines[l];
            let wants = line.wants().min(self.n);
            let ranged = matches!(line.request.stop, Stop::Radius(_));
            if ranged || line.best.len() >= wants || line.probes.len() >= self.coarse.len() {
                continue;
            }
            let all = self.coarse.rank_all(line.rotated, self.coarse.len());
            let seen: Vec<u32> = line.probes.iter().map(|probe| probe.list).collect();
            lines[l].probes = all;
            for p in 0..self.coarse.len() {
                let list = lines[l].probes[p].list;
                if seen.contains(&list) {
                    continue;
                }
                self.scan(list, &[(index(l), index(p))], lines, &mut scratch);
                if lines[l].best.len() >= wants {
                    break;
                }
            }
        }
    }

    /// Scans the lists of those probes that `of_round` names, each once for all lines that want it.
    fn visit(
        &self,
        walked: &[bool],
        lines: &mut [Line<'_>],
        of_round: impl Fn(usize) -> bool,
        scratch: &mut Scratch,
    ) {
        let mut visits: Vec<(u32, Visit)> = Vec::new();
        for (l, line) in lines.iter().enumerate().filter(|(l, _)| walked[*l]) {
            for (p, probe) in line.probes.iter().enumerate().filter(|(p, _)| of_round(*p)) {
                visits.push((probe.list, (index(l), index(p))));
            }
        }
        if lines.len() > 1 {
            visits.sort_unstable_by_key(|&(list, (line, _))| (list, line));
        }
        let mut those = Vec::new();
        let mut groups = visits.chunk_by(|a, b| a.0 == b.0).peekable();
        while let Some(group) = groups.next() {
            groups.peek().iter().for_each(|next| self.expect(next[0].0));
            those.clear();
            those.extend(group.iter().map(|&(_, visit)| visit));
            self.scan(group[0].0, &those, lines, scratch);
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a batch's part has at most 1024 queries, an index 2²⁴ lists"
)]
fn index(place: usize) -> u32 {
    place as u32
}
