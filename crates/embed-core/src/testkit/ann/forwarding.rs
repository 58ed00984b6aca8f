//! The main index behind pointers.

use ndarray::{Array2, s};

use super::cases::Main;
use crate::testkit::{demand_same_keys, must, refusal, threads};
use crate::{AnnIndex, Filter, SearchRequest};

/// Everything that the index says, said by each kind of pointer to it.
pub(super) fn run(main: &Main<'_>) {
    behind_pointers!(dyn AnnIndex + '_, &*main.case.index, |pointer: &dyn AnnIndex, kind: &str| {
        forwarded(pointer, main, &main.case.what(&format!("behind {kind}")));
    });
}

fn forwarded(pointer: &dyn AnnIndex, main: &Main<'_>, what: &str) {
    let (case, index) = (&main.case, &*main.case.index);
    let described = |i: &dyn AnnIndex| (i.dim(), i.len(), i.is_empty(), i.id_bound(), i.metric(), i.space());
    assert_eq!(described(pointer), described(index), "{what}: (dim, len, is_empty, id_bound, metric, space)");
    demand_same_keys(must(pointer.keys(), what).as_ref(), must(index.keys(), what).as_ref(), what);
    let (dim, k) = (index.dim(), SearchRequest::k(9).effort(case.suite.effort));
    let even = |id: u32| id.is_multiple_of(2);
    let requests = [k, k.filter(Filter::Where(&even)), SearchRequest::radius(0.5)];
    for (row, request) in requests.iter().enumerate() {
        let (query, expected) = (main.query(row), must(index.search(&main.query(row), request), what));
        assert_eq!(must(pointer.search(&query, request), what), expected, "{what}: search, {request:?}");
        let mut out = expected.clone();
        must(pointer.search_into(&query, request, &mut out), what);
        assert_eq!(out, expected, "{what}: search_into, {request:?}");
    }
    let batch = |i: &dyn AnnIndex, requests: &[SearchRequest<'_>]| {
        let answers = i.search_batch(main.queries.slice(s![..3, ..]), requests, threads(2));
        answers.map_err(|error| format!("{error:?}"))
    };
    for requests in [&requests[..1], &requests, &requests[..2]] {
        assert_eq!(batch(pointer, requests), batch(index, requests), "{what}: search_batch, {requests:?}");
    }
    for id in [case.id(0), case.id(60), u32::MAX] {
        let vector = |i: &dyn AnnIndex| {
            let mut out = vec![f32::NAN; dim];
            let said = refusal(i.vector_into(id, &mut out));
            (said, out.iter().map(|x| x.to_bits()).collect::<Vec<_>>())
        };
        assert_eq!(vector(pointer), vector(index), "{what}: vector_into({id})");
        let near = |i: &dyn AnnIndex| i.search_by_id(id, &k).map_err(|error| format!("{error:?}"));
        assert_eq!(near(pointer), near(index), "{what}: search_by_id({id})");
    }
    let wrong = |i: &dyn AnnIndex| {
        let long = vec![0.5; dim + 1];
        let batch = i.search_batch(Array2::zeros((2, dim + 1)).view(), &[k], threads(2));
        (refusal(i.search(&long, &k)), refusal(i.search_into(&long, &k, &mut Vec::new())), refusal(batch))
    };
    assert_eq!(wrong(pointer), wrong(index), "{what}: queries of the wrong dimension");
}
