//! Cuts, silence, refusals, a full disk.

use super::*;
use crate::source::RetryPolicy;

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
