use super::*;
use crate::gguf::Writer;

fn small_file() -> Vec<u8> {
    let mut writer = Writer::new();
    writer
        .key("general.architecture", Value::String("bitnet-b1.58".into()))
        .key("n", Value::Unsigned(7))
        .key("x", Value::Float(0.5))
        .key("words", Value::Array(Array::String(vec!["a".into(), "".into(), "ü".into()])))
        .key("types", Value::Array(Array::Signed(vec![1, -3])))
        .tensor("a.weight", &[4, 2], 0, 32)
        .tensor("b.weight", &[3], 1, 6);
    let mut bytes = Vec::new();
    writer.write_header(&mut bytes).unwrap();
    bytes
}

fn parse_all(bytes: &[u8]) -> Result<Header> {
    match Parser::new().parse(bytes)? {
        Progress::Done(header) => Ok(header),
        Progress::NeedMore(n) => panic!("needs {n} of {} bytes", bytes.len()),
    }
}

#[test]
fn reads_back_what_the_writer_wrote() {
    let bytes = small_file();
    let header = parse_all(&bytes).unwrap();
    assert_eq!(header.version, 3);
    assert_eq!(header.data_offset, bytes.len() as u64);
    assert_eq!(header.metadata.u32("n").unwrap(), Some(7));
    assert_eq!(header.metadata.f32("x").unwrap(), Some(0.5));
    assert_eq!(header.metadata.string("general.architecture").unwrap(), Some("bitnet-b1.58"));
    let words = header.metadata.array("words").unwrap().unwrap();
    assert_eq!(words, &Array::String(vec!["a".into(), "".into(), "ü".into()]));
    assert_eq!(header.tensors[0].dims, [4, 2]);
    assert_eq!((header.tensors[1].offset, header.tensors[1].type_id), (32, 1));
}

#[test]
fn goes_on_from_any_prefix() {
    let bytes = small_file();
    let whole = parse_all(&bytes).unwrap();
    let mut parser = Parser::new();
    let mut need = 0;
    for end in 0..bytes.len() {
        match parser.parse(&bytes[..end]).unwrap() {
            Progress::NeedMore(n) => need = n.max(need),
            // The padding behind the directory is not needed.
            Progress::Done(header) => {
                assert!(need <= end as u64);
                assert_eq!((header.metadata, header.tensors), (whole.metadata, whole.tensors));
                return;
            }
        }
    }
    panic!("never done");
}

#[test]
fn a_page_of_html_is_told_from_its_first_byte() {
    for end in 1..20 {
        let error = Parser::new().parse(&b"<!DOCTYPE html><html>"[..end]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidGguf);
    }
}

#[test]
fn absurd_counts_are_refused_without_allocating() {
    let mut bytes = small_file();
    bytes[8..16].copy_from_slice(&u64::MAX.to_le_bytes());
    assert_eq!(parse_all(&bytes).unwrap_err().kind(), ErrorKind::InvalidGguf);
    // The length of an array of 2^60 strings.
    let mut writer = Writer::new();
    writer.key("words", Value::Array(Array::String(vec!["a".into()])));
    let mut bytes = Vec::new();
    writer.write_header(&mut bytes).unwrap();
    let count = 4 + 4 + 8 + 8 + 8 + 5 + 4 + 4;
    assert_eq!(bytes[count], 1);
    bytes[count..count + 8].copy_from_slice(&(1_u64 << 60).to_le_bytes());
    assert_eq!(parse_all(&bytes).unwrap_err().kind(), ErrorKind::InvalidGguf);
}

#[test]
fn a_tensor_that_cannot_be_stops_only_who_needs_it() {
    let mut writer = Writer::new();
    writer.tensor("a", &[4], 0, 16).tensor("a", &[4], 0, 16).tensor("none", &[], 0, 16);
    writer.tensor("five", &[1; 5], 9999, 16).tensor("zero", &[4, 0], 0, 16).tensor("huge", &[1 << 49], 0, 16);
    writer.tensor("good", &[4], 0, 16);
    let mut bytes = Vec::new();
    writer.write_header(&mut bytes).unwrap();
    let header = parse_all(&bytes).unwrap();
    let problems =
        ["stands twice", "stands twice", "0 dimensions", "5 dimensions", "dimension 0", "dimension 5629", ""];
    for (tensor, problem) in header.tensors.iter().zip(problems) {
        match tensor.check() {
            Ok(()) => assert_eq!(tensor.name, "good"),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::InvalidGguf);
                assert!(error.to_string().contains(problem) && error.to_string().contains(&tensor.name), "{error}");
            }
        }
    }
    assert_eq!(header.tensors.len(), problems.len());
}

/// A file with one key, whose value is written out byte by byte.
fn file_with(key: &str, value: &[&[u8]]) -> Vec<u8> {
    let mut bytes = small_file();
    let keys = u64::from_le_bytes(bytes[16..24].try_into().unwrap());
    bytes[16..24].copy_from_slice(&(keys + 1).to_le_bytes());
    let mut entry = (key.len() as u64).to_le_bytes().to_vec();
    entry.extend_from_slice(key.as_bytes());
    value.iter().for_each(|part| entry.extend_from_slice(part));
    bytes.splice(24..24, entry);
    bytes
}

fn u32s(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|n| n.to_le_bytes()).collect()
}

#[test]
fn what_nobody_asks_for_is_stepped_over() {
    let one = 1_u64.to_le_bytes();
    let deep: Vec<u8> = (0..5000).flat_map(|_| [&9_u32.to_le_bytes()[..], &one].concat()).collect();
    let many = vec![7; (1 << 22) + 1];
    let values: [(&str, Vec<&[u8]>); 8] = [
        ("UTF-8", vec![&[8, 0, 0, 0], &one, &[0xff]]),
        ("UTF-8", vec![&[9, 0, 0, 0, 8, 0, 0, 0], &one, &one, &[0xff]]),
        ("found 2", vec![&[7, 0, 0, 0], &[2]]),
        ("found 9", vec![&[9, 0, 0, 0, 7, 0, 0, 0], &one, &[9]]),
        ("array of arrays", vec![&[9, 0, 0, 0, 9, 0, 0, 0], &one, &[4, 0, 0, 0], &one, &[5, 0, 0, 0]]),
        ("array of arrays", vec![&[9, 0, 0, 0, 9, 0, 0, 0], &one, &[8, 0, 0, 0], &one, &one, b"x"]),
        ("array of arrays", vec![&[9, 0, 0, 0], &deep, &[0, 0, 0, 0], &one, &[1]]),
        ("4194305 elements", vec![&[9, 0, 0, 0, 0, 0, 0, 0], &[1, 0, 64, 0, 0, 0, 0, 0], &many]),
    ];
    for (why, value) in values {
        let header = parse_all(&file_with("foreign", &value)).unwrap();
        assert_eq!(header.metadata.u32("n").unwrap(), Some(7), "{why}: what follows is read");
        let error = header.metadata.string("foreign").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidGguf);
        assert!(error.to_string().contains("metadata foreign") && error.to_string().contains(why), "{error}");
    }
    // A key that stands twice is an error for who reads it.
    let header = parse_all(&file_with("n", &[&u32s(&[4, 8])])).unwrap();
    assert!(header.metadata.u32("n").unwrap_err().to_string().contains("stands twice"));
    assert_eq!(header.metadata.f32("x").unwrap(), Some(0.5));
    // What cannot be stepped over is damage.
    for value in [u32s(&[13]), u32s(&[9, 13, 1, 0]), u32s(&[9, 9, 1, 0, 13, 1, 0])] {
        let error = parse_all(&file_with("foreign", &[&value])).unwrap_err();
        assert!(error.to_string().contains("type 13 is unknown"), "{error}");
    }
    let endless = u32s(&[9, 9, 1, 0, 0, u32::MAX, 1]);
    assert_eq!(parse_all(&file_with("foreign", &[&endless])).unwrap_err().kind(), ErrorKind::InvalidGguf);
}

#[test]
fn a_damaged_version_is_told_from_a_later_one() {
    let mut bytes = small_file();
    for (version, kind, words) in [
        (1, ErrorKind::Unsupported, "found 1"),
        (4, ErrorKind::Unsupported, "found 4"),
        (0, ErrorKind::InvalidGguf, "damaged"),
        (3_435_939_462, ErrorKind::InvalidGguf, "damaged"),
        (u32::MAX, ErrorKind::InvalidGguf, "damaged"),
        (3_u32.swap_bytes(), ErrorKind::InvalidGguf, "big-endian"),
    ] {
        bytes[4..8].copy_from_slice(&version.to_le_bytes());
        let error = parse_all(&bytes).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(words) && error.to_string().contains(&version.to_string()), "{error}");
    }
}

#[test]
fn token_ids_that_do_not_exist_are_left_out() {
    let mut metadata = Metadata::default();
    metadata.insert("a".into(), Value::Signed(-1));
    metadata.insert("b".into(), Value::Unsigned(u64::MAX));
    metadata.insert("c".into(), Value::Unsigned(9));
    metadata.insert("d".into(), Value::Array(Array::Signed(vec![-1, 3, 10, 9])));
    metadata.insert("e".into(), Value::String("9".into()));
    let ids = ["a", "b", "c", "d", "nothing"].map(|key| metadata.token_ids(key, 10).unwrap());
    assert_eq!(ids, [vec![], vec![], vec![9], vec![3, 9], vec![]]);
    assert_eq!(metadata.token_ids("e", 10).unwrap_err().kind(), ErrorKind::InvalidModel);
}

proptest::proptest! {
    #[test]
    fn no_damage_panics(at in 0_usize..400, value: u8, cut in 0_usize..400) {
        let mut bytes = small_file();
        let at = at % bytes.len();
        bytes[at] = value;
        let _ = Parser::new().parse(&bytes);
        bytes.truncate(cut);
        let _ = Parser::new().parse(&bytes);
    }
}
