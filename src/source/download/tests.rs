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
            assert!(matches!(d.next(NOW), Action::Save { revision: 1, index: 0 }));
            assert!(matches!(d.next(NOW), Action::Deliver { bytes } if bytes == new[..100]));
        } else {
            let mut now = NOW;
            let asked = insist(&mut d, request, &part(200, 300, 351, etag_now), &mut now);
            assert_eq!(asked, vec![(200, 300); 5], "asked again, in case it was another replica");
            assert!(matches!(d.next(now), Action::Forget { id } if id == "old"));
            assert_eq!(get(&mut d, now).1, Some((0, 100)), "the new file from its first byte");
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
    let (mut forgot, mut now) = (false, NOW);
    loop {
        match d.next(now) {
            Action::Forget { .. } => forgot = true,
            Action::Fail(error) => break assert_eq!(error.code(), "changed"),
            Action::Get { request, range, .. } => {
                let tag = Some("\"b\"".to_owned());
                let whole = ResponseHead { status: 200, etag: tag, ..ResponseHead::default() };
                let head = range.map_or(whole, |(from, to)| part(from, to, 250, "\"b\""));
                d.head(request, &head, now);
                d.body(request, &[7; 100], now);
            }
            Action::Cancel { .. } => {}
            Action::Wait { until: Some(until) } => now = until,
            Action::Wait { until: None } => d.saved(0, 0, None),
            other => panic!("{other:?}"),
        }
    }
    assert!(forgot);
}

/// The bytes that were handed on or the code of the error, the ranges that were asked for, and the record.
type Loaded = (std::result::Result<Vec<u8>, &'static str>, Vec<Option<(u64, u64)>>, Manifest);

/// Loads a file whose n-th answer, from 0, has the tag `tag(n)` and is of the file `of(n)`.
fn load_unsteady(record: Option<Manifest>, tag: impl Fn(usize) -> String, of: impl Fn(usize) -> Vec<u8>) -> Loaded {
    let mut d = Download::new("https://a.example/m.gguf", options(), record, NOW);
    let (mut now, mut got, mut asked) = (NOW, Vec::new(), Vec::new());
    for _ in 0..10_000 {
        match d.next(now) {
            Action::Get { request, range, .. } => {
                let bytes = of(asked.len());
                let total = bytes.len() as u64;
                let head = match range {
                    Some((from, to)) => part(from, to.min(total), total, &tag(asked.len())),
                    None => ResponseHead {
                        status: 200,
                        content_length: Some(total),
                        etag: Some(tag(asked.len())),
                        ..ResponseHead::default()
                    },
                };
                asked.push(range);
                let (from, to) = range.unwrap_or((0, total));
                d.head(request, &head, now);
                d.body(request, &bytes[from as usize..to.min(total) as usize], now);
                d.end(request, now);
            }
            Action::Save { revision, index } => d.saved(revision, index, None),
            Action::Deliver { bytes } => got.extend(bytes),
            Action::Done => return (Ok(got), asked, d.manifest().clone()),
            Action::Fail(error) => return (Err(error.code()), asked, d.manifest().clone()),
            Action::Wait { until } => now = until.unwrap(),
            other @ (Action::Load { .. } | Action::SavePart { .. } | Action::LoadParts { .. }) => panic!("{other:?}"),
            Action::Cancel { .. } | Action::Seal | Action::Forget { .. } => {}
        }
    }
    panic!("no end");
}

#[test]
fn replicas_with_tags_of_their_own_are_one_file() {
    let bytes = file(1050);
    let alternate = |n: usize| format!("\"{}\"", n % 2);
    let (got, asked, manifest) = load_unsteady(None, alternate, |_| bytes.clone());
    assert_eq!(got.unwrap(), bytes);
    assert!(asked.iter().all(Option::is_some), "by ranges alone: {asked:?}");
    assert!(asked.len() <= 2 * 11, "{asked:?}");
    assert_eq!((manifest.complete, manifest.unsteady), (true, true));
    // Its own tags do not come back for a long while, but others do.
    let seldom = |n: usize| format!("\"{}\"", if n == 0 { 9 } else { n % 2 });
    let (got, asked, _) = load_unsteady(None, seldom, |_| bytes.clone());
    assert_eq!(got.unwrap(), bytes);
    assert_eq!(asked.last(), Some(&None), "read as one answer");
}

#[test]
fn an_answer_with_a_tag_for_every_request_is_taken_whole() {
    let bytes = file(1050);
    let (got, asked, manifest) = load_unsteady(None, |n| format!("\"{n}\""), |_| bytes.clone());
    assert_eq!(got.unwrap(), bytes);
    assert!(asked.len() <= 5 && asked.last() == Some(&None), "{asked:?}");
    assert!(manifest.complete);
    // A dropped connection later, what was kept is compared and not doubted for its tags.
    let kept = stored(&bytes, &[0, 1, 2], etag("\"old\"", 1050));
    let (got, asked, _) = load_unsteady(Some(kept), |n| format!("\"{n}\""), |_| bytes.clone());
    assert_eq!(got.unwrap(), bytes);
    assert_eq!(asked.last(), Some(&None), "{asked:?}");
}

#[test]
fn two_files_of_one_length_behind_one_address_are_never_mixed() {
    let one = file(1050);
    for differs_at in [0, 99, 100, 555, 1049] {
        let mut two = one.clone();
        two[differs_at.max(4)] ^= 1;
        for step in 1..4 {
            let of = |n: usize| if n.is_multiple_of(step + 1) { one.clone() } else { two.clone() };
            let tags = |n: usize| format!("\"{}\"", n.is_multiple_of(step + 1));
            let (got, asked, _) = load_unsteady(None, tags, of);
            assert!(got.as_ref().is_ok_and(|got| *got == one || *got == two) || got == Err("changed"), "{asked:?}");
            // Again, with a tag of its own for each answer.
            let (got, asked, _) = load_unsteady(None, |n| format!("\"{n}\""), of);
            assert!(got.as_ref().is_ok_and(|got| *got == one || *got == two) || got == Err("changed"), "{asked:?}");
        }
    }
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

#[test]
fn a_refusal_in_the_middle_is_retried_like_a_cut_and_at_the_start_it_is_final() {
    let bytes = file(250);
    for (status, code) in [(401, "unauthorized"), (403, "forbidden"), (404, "not_found"), (501, "network")] {
        let refused = ResponseHead { status, ..ResponseHead::default() };
        let mut d = fresh();
        let (request, _) = get(&mut d, NOW);
        d.head(request, &refused, NOW);
        assert!(matches!(d.next(NOW), Action::Cancel { .. }));
        let Action::Fail(error) = d.next(NOW) else { panic!("{status} at the start") };
        assert_eq!((error.code(), error.details()), (code, [("status", status.into())].as_slice()));

        let mut d = fresh();
        let (request, _) = get(&mut d, NOW);
        answer(&mut d, request, (0, 100), &bytes, "\"a\"");
        assert!(matches!(d.next(NOW), Action::Save { .. }));
        d.saved(0, 0, None);
        assert!(matches!(d.next(NOW), Action::Deliver { .. }));
        let ((second, _), (third, c)) = (get(&mut d, NOW), get(&mut d, NOW));
        answer(&mut d, third, c.unwrap(), &bytes, "\"a\"");
        let mut request = second;
        let mut now = NOW;
        for _ in 1..REFUSAL_ATTEMPTS {
            d.head(request, &refused, now);
            let until = loop {
                match d.next(now) {
                    Action::Wait { until } => break until,
                    Action::Fail(error) => panic!("{status} in the middle: {error}"),
                    _ => {}
                }
            };
            now = until.unwrap();
            let (again, range) = get(&mut d, now);
            assert_eq!(range, Some((100, 200)), "asked again, from the file's own address");
            request = again;
        }
        // Once more, and it is meant. (Statuses without a code of their own are trouble for longer.)
        d.head(request, &refused, now);
        if code != "network" {
            let error = loop {
                match d.next(now) {
                    Action::Fail(error) => break error,
                    Action::Wait { until: None } => d.saved(0, 2, None),
                    Action::Wait { .. } => panic!("{status} for ever"),
                    _ => {}
                }
            };
            assert_eq!((error.code(), error.details()), (code, [("status", status.into())].as_slice()));
            assert!(error.to_string().contains("what has arrived is kept"), "{error}");
        }
    }
}

#[test]
fn a_page_in_the_middle_of_the_file_is_not_taken_for_it() {
    let bytes = file(250);
    let typed = |head: ResponseHead, media_type: &str| ResponseHead { content_type: Some(media_type.into()), ..head };
    for status in [206, 200] {
        let mut d = fresh();
        let (request, _) = get(&mut d, NOW);
        d.head(request, &typed(part(0, 100, 250, "\"a\""), "application/octet-stream"), NOW);
        d.body(request, &bytes[..100], NOW);
        d.end(request, NOW);
        assert!(matches!(d.next(NOW), Action::Save { .. }));
        d.saved(0, 0, None);
        assert!(matches!(d.next(NOW), Action::Deliver { .. }));
        let (request, _) = get(&mut d, NOW);
        let head = ResponseHead { status, ..part(100, 200, 250, "") };
        d.head(request, &typed(head, "text/html; charset=utf-8"), NOW);
        d.body(request, &[b'<'; 100], NOW);
        d.end(request, NOW);
        let mut waited = false;
        for _ in 0..5 {
            match d.next(NOW) {
                Action::Deliver { .. } | Action::Save { .. } | Action::Forget { .. } => panic!("it was taken"),
                Action::Wait { .. } => waited = true,
                _ => {}
            }
        }
        assert!(waited && d.progress(NOW).message.is_some_and(|text| text.contains("text/html")));
    }
    // A host that gives its files a wrong type is loaded from all the same.
    let mut d = fresh();
    let (request, _) = get(&mut d, NOW);
    let (mut request, mut delivered) = (request, 0);
    for (start, end) in [(0, 100), (100, 200)] {
        d.head(request, &typed(part(start, end, 250, "\"a\""), "Text/HTML"), NOW);
        d.body(request, &bytes[start as usize..end as usize], NOW);
        d.end(request, NOW);
        loop {
            match d.next(NOW) {
                Action::Deliver { bytes } => delivered += bytes.len(),
                Action::Get { request: next, range: Some((100, _)), .. } => request = next,
                Action::Wait { .. } => break,
                _ => {}
            }
        }
    }
    assert_eq!(delivered, 200);
}

#[test]
fn revalidation_refuses_what_the_server_refuses_and_says_what_it_used_otherwise() {
    let bytes = file(250);
    let ask = |head: ResponseHead| {
        let manifest = stored(&bytes, &[0, 1, 2], etag("\"a\"", 250));
        let mut d = Download::new("https://a.example/m.gguf", options(), Some(manifest), NOW);
        d.revalidate();
        let (request, _) = get(&mut d, NOW);
        d.head(request, &head, NOW);
        d
    };
    let status = |status| ResponseHead { status, ..ResponseHead::default() };
    let page = ResponseHead { content_type: Some("text/html".into()), ..status(200) };
    for (head, code) in [
        (status(401), "unauthorized"),
        (status(403), "forbidden"),
        (status(404), "not_found"),
        (status(410), "not_found"),
        (page, "network"),
    ] {
        let mut d = ask(head);
        let error = loop {
            match d.next(NOW) {
                Action::Fail(error) => break error,
                Action::Cancel { .. } => {}
                other => panic!("{code}: {other:?}"),
            }
        };
        assert_eq!(error.code(), code);
        assert!(error.to_string().contains("in the cache was not used, and stays"), "{error}");
    }
    for head in [status(503), status(429), part(0, 1, 250, "")] {
        let shown = format!("{head:?}");
        let mut d = ask(ResponseHead { content_range: None, ..head });
        assert!(matches!(d.next(NOW), Action::Cancel { .. }));
        assert!(matches!(d.next(NOW), Action::Load { .. }));
        let message = d.progress(NOW).message.unwrap_or_default();
        assert!(message.contains("the file in the cache is used"), "{shown}: {message}");
    }
}

#[test]
fn a_slow_line_loses_at_most_five_seconds_of_what_came() {
    // One byte a millisecond over three requests; a write takes half a second, and one is made after the other.
    const WRITE_MS: f64 = 500.0;
    let bytes = file(60_000);
    let options = Options { chunk_bytes: 16_000, in_flight: 3, ..Options::default() };
    let mut d = Download::new("https://a.example/m.gguf", options, None, NOW);
    let mut lines: Vec<(RequestId, u64, u64)> = Vec::new();
    type Write = (u32, u64, Option<Part>);
    let mut waiting: VecDeque<Write> = VecDeque::new();
    let mut writing: Option<(f64, Write, Option<Manifest>)> = None;
    let (mut now, mut came, mut record, mut delivered) = (NOW, 0, None::<Manifest>, 0);
    loop {
        match d.next(now) {
            Action::Get { request, range, .. } => {
                let (from, to) = range.unwrap();
                d.head(request, &part(from, to.min(60_000), 60_000, "\"a\""), now);
                lines.push((request, from, to.min(60_000)));
            }
            Action::Save { revision, index } => {
                waiting.push_back((revision, index, None));
            }
            Action::SavePart { revision, part } => {
                assert_eq!(d.part_bytes(&part).unwrap().len() as u64, part.end - part.start);
                waiting.push_back((revision, part.index, Some(part)));
            }
            Action::Deliver { bytes } => delivered += bytes.len(),
            Action::Done => break,
            Action::Wait { .. } => {
                now += 30.0;
                if !lines.is_empty() {
                    let each = 30 / lines.len() as u64;
                    for (request, from, to) in &mut lines {
                        let end = (*from + each).min(*to);
                        d.body(*request, &bytes[*from as usize..end as usize], now);
                        came += end - *from;
                        *from = end;
                        if end == *to {
                            d.end(*request, now);
                        }
                    }
                    lines.retain(|(_, from, to)| from < to);
                }
                if let Some((_, (revision, index, part), manifest)) = writing.take_if(|(end, ..)| *end <= now) {
                    let written = manifest.is_some();
                    record = manifest.or(record);
                    match part {
                        Some(part) => d.saved_part(revision, &part, written, None),
                        None => d.saved(revision, index, None),
                    }
                }
                if writing.is_none()
                    && let Some((revision, index, part)) = waiting.pop_front()
                {
                    let manifest = match &part {
                        Some(part) => d.manifest_with_part(revision, part),
                        None => d.manifest_with(revision, Some(index)),
                    };
                    writing = Some((now + WRITE_MS, (revision, index, part), manifest));
                }
                let kept = record.as_ref().map_or(0, Manifest::stored_bytes);
                assert!(came - kept <= 5000, "{} bytes, five seconds bring 5000", came - kept);
            }
            Action::Cancel { .. } | Action::Seal => {}
            other => panic!("{other:?}"),
        }
    }
    let record = d.manifest();
    assert_eq!((delivered, record.complete, record.parts.len()), (60_000, true, 0));
}

#[test]
fn a_part_is_continued_where_it_ends_and_a_damaged_one_is_fetched_again() {
    let bytes = file(350);
    let part = |start: u64, end: u64| Part {
        index: 1,
        start,
        end,
        sum: checksum(&bytes[100 + start as usize..100 + end as usize]),
    };
    let mut manifest = stored(&bytes, &[0], etag("\"a\"", 350));
    manifest.parts = vec![part(30, 50), part(0, 30), part(50, 51)];
    assert_eq!(manifest.stored_bytes(), 151);
    let read = |start: usize, end: usize| Some(bytes[100 + start..100 + end].to_vec());
    for (found, kept) in [
        (vec![read(0, 30), read(30, 50), read(50, 51)], 51),
        (vec![read(0, 30), None, read(50, 51)], 30),
        (vec![read(0, 30), read(31, 51), read(50, 51)], 30),
        (vec![read(0, 30), read(30, 49), read(50, 51)], 30),
        (vec![None, read(30, 50), read(50, 51)], 0),
        (vec![], 0),
    ] {
        let mut d = Download::new("https://a.example/m.gguf", options(), Some(manifest.clone()), NOW);
        assert!(matches!(d.next(NOW), Action::LoadParts { index: 1, .. }));
        assert!(matches!(d.next(NOW), Action::Wait { .. }), "nothing is asked for before");
        d.loaded_parts(0, 1, found);
        let (request, range) = get(&mut d, NOW);
        assert_eq!(range, Some((100 + kept, 200)));
        answer(&mut d, request, range.unwrap(), &bytes, "\"a\"");
        assert!(matches!(d.next(NOW), Action::Save { index: 1, .. }));
        assert_eq!(d.bytes(1), Some(&bytes[100..200]));
        assert_eq!(d.manifest_with(0, Some(1)).unwrap().parts, []);
    }
}
