//! Files that change, and servers whose answers contradict each other.

use super::*;

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
