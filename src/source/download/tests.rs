//! The download step by step. See also `simulation.rs`, which lets a server misbehave at random.

mod changes;
mod failures;
mod parts;
mod revalidation;

use super::*;

const NOW: f64 = 1_700_000_000_000.0;

fn file(len: usize) -> Vec<u8> {
    let mut bytes = b"GGUF".to_vec();
    let mut state = len as u64;
    bytes.extend(std::iter::repeat_with(|| next_random(&mut state) as u8).take(len.saturating_sub(4)));
    bytes
}

fn options() -> Options {
    Options { chunk_bytes: 100, in_flight: 2, ..Options::default() }
}

fn part(from: u64, to: u64, total: u64, etag: &str) -> ResponseHead {
    ResponseHead {
        status: 206,
        content_range: Some(format!("bytes {from}-{}/{total}", to - 1)),
        content_length: Some(to - from),
        etag: (!etag.is_empty()).then(|| etag.to_owned()),
        ..ResponseHead::default()
    }
}

fn get(download: &mut Download, now: f64) -> (RequestId, Option<(u64, u64)>) {
    match download.next(now) {
        Action::Get { request, range, .. } => (request, range),
        other => panic!("expected a request, found {other:?}"),
    }
}

fn answer(download: &mut Download, request: RequestId, range: (u64, u64), bytes: &[u8], etag: &str) {
    let to = range.1.min(bytes.len() as u64);
    download.head(request, &part(range.0, to, bytes.len() as u64, etag), NOW);
    download.body(request, &bytes[range.0 as usize..to as usize], NOW);
    download.end(request, NOW);
}

/// A manifest with the given chunks of `bytes` present.
fn stored(bytes: &[u8], present: &[u64], validators: Validators) -> Manifest {
    let mut manifest = Manifest::new("old".into(), "https://a.example/m.gguf".into(), 100, NOW);
    manifest.total = Some(bytes.len() as u64);
    manifest.validators = validators;
    for &index in present {
        let (start, end) = manifest.span(index);
        manifest.set_sum(index, Some(checksum(&bytes[start as usize..end as usize])));
    }
    manifest.complete = manifest.is_whole();
    manifest
}

fn etag(tag: &str, total: u64) -> Validators {
    Validators { etag: Some(tag.into()), total: Some(total), ..Validators::default() }
}

/// Gives the same answer to every request until something else is wanted; the ranges that were asked for again.
fn insist(d: &mut Download, request: RequestId, head: &ResponseHead, now: &mut f64) -> Vec<(u64, u64)> {
    let mut asked = Vec::new();
    d.head(request, head, *now);
    for _ in 0..100 {
        assert!(matches!(d.next(*now), Action::Cancel { .. }));
        if !d.queue.is_empty() || d.failure.is_some() || d.whole.is_some() {
            return asked;
        }
        let Action::Wait { until: Some(until) } = d.next(*now) else { return asked };
        *now = until;
        let (request, range) = get(d, until);
        asked.extend(range);
        d.head(request, head, until);
    }
    panic!("asked for ever");
}

fn fresh() -> Download {
    Download::new("https://a.example/m.gguf", options(), None, NOW)
}

#[test]
fn a_fresh_file_step_by_step() {
    let bytes = file(250);
    let mut d = fresh();
    let (first, range) = get(&mut d, NOW);
    assert_eq!(range, Some((0, 100)));
    assert!(matches!(d.next(NOW), Action::Wait { until: Some(_) }));
    answer(&mut d, first, (0, 100), &bytes, "\"a\"");
    assert!(matches!(d.next(NOW), Action::Save { revision: 0, index: 0 }));
    assert_eq!(d.bytes(0), Some(&bytes[..100]));
    let record = d.manifest_with(0, Some(0)).unwrap();
    assert_eq!((record.first_missing(), record.complete, record.total), (1, false, Some(250)));
    assert_eq!(d.manifest().first_missing(), 0, "not stored before the store says so");
    d.saved(0, 0, None);
    assert!(matches!(d.next(NOW), Action::Deliver { bytes: got } if got == bytes[..100]));
    let ((second, b), (third, c)) = (get(&mut d, NOW), get(&mut d, NOW));
    assert_eq!((b, c), (Some((100, 200)), Some((200, 250))));
    // They may arrive in any order; they are handed on in order.
    answer(&mut d, third, (200, 250), &bytes, "\"a\"");
    assert!(matches!(d.next(NOW), Action::Save { index: 2, .. }));
    assert!(matches!(d.next(NOW), Action::Wait { .. }));
    answer(&mut d, second, (100, 200), &bytes, "\"a\"");
    assert!(matches!(d.next(NOW), Action::Save { index: 1, .. }));
    assert!(matches!(d.next(NOW), Action::Deliver { bytes: got } if got == bytes[100..200]));
    assert!(matches!(d.next(NOW), Action::Deliver { bytes: got } if got == bytes[200..]));
    d.saved(0, 2, None);
    assert!(matches!(d.next(NOW), Action::Wait { .. }), "the last write is awaited");
    assert!(d.manifest_with(0, Some(1)).unwrap().complete, "complete goes with the last chunk");
    d.saved(0, 1, None);
    assert!(matches!(d.next(NOW), Action::Done));
    assert_eq!(d.progress(NOW).loaded, 250);
}

#[test]
fn a_resume_asks_for_what_is_missing_alone() {
    let bytes = file(350);
    let manifest = stored(&bytes, &[0, 1, 3], etag("\"a\"", 350));
    let mut d = Download::new("https://a.example/m.gguf", options(), Some(manifest), NOW);
    let (request, range) = get(&mut d, NOW);
    assert_eq!(range, Some((200, 300)));
    assert!(matches!(d.next(NOW), Action::Wait { .. }), "nothing is handed on before the file is known to be the same");
    answer(&mut d, request, (200, 300), &bytes, "\"a\"");
    assert!(matches!(d.next(NOW), Action::Save { index: 2, .. }));
    for index in 0..2 {
        assert!(matches!(d.next(NOW), Action::Load { index: i, .. } if i == index));
    }
    d.loaded(0, 0, Some(bytes[..100].to_vec()));
    assert!(matches!(d.next(NOW), Action::Deliver { bytes: got } if got == bytes[..100]));
    assert!(matches!(d.next(NOW), Action::Wait { .. }));
    let progress = d.progress(NOW);
    assert_eq!((progress.from_cache, progress.from_network), (100, 100));
}

#[test]
fn a_complete_file_needs_no_server_and_a_damaged_chunk_is_fetched_alone() {
    let bytes = file(250);
    let manifest = stored(&bytes, &[0, 1, 2], etag("\"a\"", 250));
    let mut d = Download::new("https://a.example/m.gguf", options(), Some(manifest), NOW);
    for index in 0..2 {
        assert!(matches!(d.next(NOW), Action::Load { index: i, .. } if i == index));
    }
    assert!(matches!(d.next(NOW), Action::Wait { until: None }));
    let mut damaged = bytes[100..200].to_vec();
    damaged[50] ^= 1;
    d.loaded(0, 1, Some(damaged));
    d.loaded(0, 0, Some(bytes[..100].to_vec()));
    assert!(matches!(d.next(NOW), Action::Deliver { .. }));
    assert!(matches!(d.next(NOW), Action::Load { index: 2, .. }));
    let (request, range) = get(&mut d, NOW);
    assert_eq!(range, Some((100, 200)));
    d.loaded(0, 2, Some(bytes[200..].to_vec()));
    answer(&mut d, request, (100, 200), &bytes, "\"a\"");
    assert!(matches!(d.next(NOW), Action::Save { index: 1, .. }));
    assert!(matches!(d.next(NOW), Action::Deliver { .. }));
    assert!(matches!(d.next(NOW), Action::Deliver { .. }));
    d.saved(0, 1, None);
    assert!(matches!(d.next(NOW), Action::Done));
    assert!(d.is_stored());
}
