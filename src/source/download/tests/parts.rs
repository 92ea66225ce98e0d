//! Parts of chunks, which are kept while a chunk is on its way.

use super::*;

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
