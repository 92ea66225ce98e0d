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
    assert!(matches!(d.next(NOW), Action::Save { generation: 0, index: 0 }));
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
fn a_changed_file_is_never_mixed() {
    let (old, new) = (file(350), file(351));
    for (etag_now, hidden) in [("\"b\"", false), ("", true)] {
        let validators = if hidden { Validators::default() } else { etag("\"a\"", 350) };
        let mut manifest = stored(&old, &[0, 1], validators);
        manifest.total = (!hidden).then_some(350);
        let mut d = Download::new("https://a.example/m.gguf", options(), Some(manifest), NOW);
        let (request, range) = get(&mut d, NOW);
        assert_eq!(range, Some((200, 300)));
        if hidden {
            let head = ResponseHead { status: 206, content_length: Some(100), ..ResponseHead::default() };
            d.head(request, &head, NOW);
            assert!(matches!(d.next(NOW), Action::Cancel { .. }));
            let (request, range) = get(&mut d, NOW);
            assert_eq!(range, Some((0, 100)), "the first chunk is compared");
            d.head(request, &head, NOW);
            d.body(request, &new[..100], NOW);
            d.end(request, NOW);
            assert!(matches!(d.next(NOW), Action::Forget { id } if id == "old"));
            assert!(matches!(d.next(NOW), Action::Save { generation: 1, index: 0 }));
            assert!(matches!(d.next(NOW), Action::Deliver { bytes } if bytes == new[..100]));
        } else {
            d.head(request, &part(200, 300, 351, etag_now), NOW);
            assert!(matches!(d.next(NOW), Action::Cancel { .. }));
            assert!(matches!(d.next(NOW), Action::Forget { id } if id == "old"));
            assert_eq!(get(&mut d, NOW).1, Some((0, 100)), "the new file from its first byte");
        }
        assert_ne!(d.manifest().id, "old");
    }
}

#[test]
fn hidden_validators_and_an_equal_first_chunk_resume() {
    let bytes = file(350);
    let mut manifest = stored(&bytes, &[0, 1], Validators::default());
    manifest.total = None;
    let mut d = Download::new("https://a.example/m.gguf", options(), Some(manifest), NOW);
    let hidden = ResponseHead { status: 206, content_length: Some(100), ..ResponseHead::default() };
    let (request, _) = get(&mut d, NOW);
    d.head(request, &hidden, NOW);
    assert!(matches!(d.next(NOW), Action::Cancel { .. }));
    let (request, _) = get(&mut d, NOW);
    d.head(request, &hidden, NOW);
    d.body(request, &bytes[..100], NOW);
    d.end(request, NOW);
    assert!(matches!(d.next(NOW), Action::Deliver { bytes: got } if got == bytes[..100]));
    assert!(matches!(d.next(NOW), Action::Load { index: 1, .. }));
}

#[test]
fn a_change_after_the_first_chunk_is_an_error_and_leaves_nothing() {
    let bytes = file(250);
    let mut d = fresh();
    let (request, _) = get(&mut d, NOW);
    answer(&mut d, request, (0, 100), &bytes, "\"a\"");
    assert!(matches!(d.next(NOW), Action::Save { .. }));
    assert!(matches!(d.next(NOW), Action::Deliver { .. }));
    let (request, _) = get(&mut d, NOW);
    d.head(request, &part(100, 200, 250, "\"b\""), NOW);
    let mut forgot = false;
    loop {
        match d.next(NOW) {
            Action::Forget { .. } => forgot = true,
            Action::Fail(error) => break assert_eq!(error.code(), "changed"),
            Action::Get { .. } | Action::Cancel { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(forgot);
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

#[test]
fn a_cut_chunk_is_continued_after_a_delay() {
    let bytes = file(100);
    let mut d = fresh();
    let (request, _) = get(&mut d, NOW);
    d.head(request, &part(0, 100, 100, "\"a\""), NOW);
    d.body(request, &bytes[..40], NOW);
    d.failed(request, Error::new(ErrorKind::Network, "reset"), NOW);
    let Action::Wait { until: Some(until) } = d.next(NOW) else { panic!() };
    assert!((250.0..=500.0).contains(&(until - NOW)), "{}", until - NOW);
    assert_eq!(d.progress(NOW).phase, Phase::Retry);
    assert_eq!(get(&mut d, until).1, Some((40, 100)));
}

#[test]
fn retry_after_holds_every_request_back() {
    let mut d = fresh();
    let (request, _) = get(&mut d, NOW);
    let busy = ResponseHead { status: 503, retry_after: Some("7".into()), ..ResponseHead::default() };
    d.head(request, &busy, NOW);
    assert!(matches!(d.next(NOW), Action::Cancel { .. }));
    assert!(matches!(d.next(NOW), Action::Wait { until: Some(until) } if until == NOW + 7000.0));
    assert!(matches!(d.next(NOW + 6999.0), Action::Wait { .. }));
    assert_eq!(get(&mut d, NOW + 7000.0).1, Some((0, 100)));
}

#[test]
fn a_silent_server_is_broken_off_but_a_busy_caller_is_not_its_fault() {
    let bytes = file(250);
    let mut d = fresh();
    let (request, _) = get(&mut d, NOW);
    answer(&mut d, request, (0, 100), &bytes, "");
    assert!(matches!(d.next(NOW), Action::Save { .. }));
    let (b, _) = {
        assert!(matches!(d.next(NOW), Action::Deliver { .. }));
        get(&mut d, NOW + 100_000.0)
    };
    get(&mut d, NOW + 100_000.0);
    assert!(matches!(d.next(NOW + 129_999.0), Action::Wait { .. }));
    assert!(matches!(d.next(NOW + 130_000.0), Action::Cancel { request } if request == b));
}

#[test]
fn a_wrong_address_fails_soon_and_an_error_page_at_once() {
    let mut d = fresh();
    let mut now = NOW;
    for _ in 0..2 {
        let (request, _) = get(&mut d, now);
        d.failed(request, Error::new(ErrorKind::Network, "failed to fetch"), now);
        let Action::Wait { until: Some(until) } = d.next(now) else { panic!() };
        now = until;
    }
    let (request, _) = get(&mut d, now);
    d.failed(request, Error::new(ErrorKind::Network, "failed to fetch"), now);
    let (request, range) = get(&mut d, now);
    assert_eq!(range, None, "the last try is one without a range");
    d.failed(request, Error::new(ErrorKind::Network, "failed to fetch"), now);
    assert!(matches!(d.next(now), Action::Fail(error) if error.code() == "network"));

    let mut d = fresh();
    let (request, _) = get(&mut d, NOW);
    let page = ResponseHead { status: 200, ..ResponseHead::default() };
    d.head(request, &page, NOW);
    d.body(request, b"<!DOCTYPE html><html>", NOW);
    assert!(matches!(d.next(NOW), Action::Cancel { .. }));
    assert!(matches!(d.next(NOW), Action::Fail(error) if error.code() == "invalid_gguf"));
}

#[test]
fn what_is_still_being_written_counts_as_kept() {
    let bytes = file(250);
    for (problem, kept) in [(None, true), (Some("the disk failed".to_owned()), false)] {
        let retry = RetryPolicy { attempts: 1, ..RetryPolicy::default() };
        let mut d = Download::new("https://a.example/m.gguf", Options { retry, ..options() }, None, NOW);
        let (request, _) = get(&mut d, NOW);
        answer(&mut d, request, (0, 100), &bytes, "");
        assert!(matches!(d.next(NOW), Action::Save { .. }));
        assert!(matches!(d.next(NOW), Action::Deliver { .. }));
        let (request, _) = get(&mut d, NOW);
        get(&mut d, NOW);
        d.failed(request, Error::new(ErrorKind::Network, "reset"), NOW);
        assert!(matches!(d.next(NOW), Action::Cancel { .. }));
        assert!(matches!(d.next(NOW), Action::Wait { until: None }), "the write is awaited");
        d.saved(0, 0, problem);
        let Action::Fail(error) = d.next(NOW) else { panic!() };
        assert_eq!(error.to_string().contains("what has arrived is kept"), kept, "{error}");
    }
}

#[test]
fn a_server_without_ranges_is_read_as_one_stream_again_after_a_cut() {
    let bytes = file(250);
    let mut d = fresh();
    let (request, _) = get(&mut d, NOW);
    let whole = ResponseHead { status: 200, ..ResponseHead::default() };
    d.head(request, &whole, NOW);
    d.body(request, &bytes[..150], NOW);
    assert!(matches!(d.next(NOW), Action::Save { index: 0, .. }));
    assert!(matches!(d.next(NOW), Action::Deliver { .. }));
    d.failed(request, Error::new(ErrorKind::Network, "reset"), NOW);
    let Action::Wait { until: Some(until) } = d.next(NOW) else { panic!() };
    let (request, range) = get(&mut d, until);
    assert_eq!(range, None);
    d.head(request, &whole, until);
    d.body(request, &bytes, until);
    d.end(request, until);
    assert!(matches!(d.next(until), Action::Save { index: 1, .. }));
    assert!(matches!(d.next(until), Action::Save { index: 2, .. }));
    assert!(matches!(d.next(until), Action::Deliver { bytes: got } if got == bytes[100..200]));
    assert!(matches!(d.next(until), Action::Deliver { bytes: got } if got == bytes[200..]));
}

#[test]
fn a_full_disk_ends_storing_and_not_the_load() {
    let bytes = file(150);
    let mut d = fresh();
    let (request, _) = get(&mut d, NOW);
    answer(&mut d, request, (0, 100), &bytes, "");
    assert!(matches!(d.next(NOW), Action::Save { .. }));
    d.saved(0, 0, Some("the storage is full".into()));
    assert!(matches!(d.next(NOW), Action::Deliver { .. }));
    let (request, range) = get(&mut d, NOW);
    answer(&mut d, request, range.unwrap(), &bytes, "");
    assert!(matches!(d.next(NOW), Action::Deliver { .. }));
    assert!(matches!(d.next(NOW), Action::Done));
    assert_eq!(d.progress(NOW).message.as_deref(), Some("the storage is full"));
    assert_eq!(d.manifest().stored_bytes(), 0);
}

#[test]
fn a_complete_file_is_revalidated_on_request() {
    let bytes = file(250);
    let start = || {
        let manifest = stored(&bytes, &[0, 1, 2], etag("\"a\"", 250));
        let mut d = Download::new("https://a.example/m.gguf", options(), Some(manifest), NOW);
        d.revalidate();
        let (request, range) = get(&mut d, NOW);
        assert_eq!(range, Some((0, 1)));
        assert!(matches!(d.next(NOW), Action::Wait { .. }));
        (d, request)
    };
    let (mut d, request) = start();
    d.head(request, &part(0, 1, 250, "\"a\""), NOW);
    assert!(matches!(d.next(NOW), Action::Cancel { .. }));
    assert!(matches!(d.next(NOW), Action::Load { index: 0, .. }));

    let (mut d, request) = start();
    d.failed(request, Error::new(ErrorKind::Network, "offline"), NOW);
    assert!(matches!(d.next(NOW), Action::Cancel { .. } | Action::Load { index: 0, .. }));
    assert!(d.is_trusted());

    let (mut d, request) = start();
    d.head(request, &part(0, 1, 250, "\"b\""), NOW);
    assert!(matches!(d.next(NOW), Action::Cancel { .. }));
    assert!(matches!(d.next(NOW), Action::Forget { .. }));
    assert_eq!(get(&mut d, NOW).1, Some((0, 100)));
}
