//! Passes over the weights: several sequences in one, and what is given up half way.

use crate::support::models::named;
use bitnet_web::ErrorKind;
use bitnet_web::kernels::Kernel;
use bitnet_web::load::{LoadOptions, Loader, Precision};
use bitnet_web::model::{Executor, ForwardPass, HiddenStates, Model, Sequence};
use bitnet_web::pool::Pool;

fn model(precision: Precision, context: Option<usize>) -> (Model, Vec<u32>) {
    let fixture = &named("gqa1");
    let mut loader = Loader::new(LoadOptions { precision, context, ..LoadOptions::new(Kernel::SCALAR) });
    loader.push(&fixture.bytes(&fixture.files[0].name)).unwrap();
    (loader.finish().unwrap().model, fixture.sequences[0].tokens.clone())
}

fn executor(threads: usize) -> Executor {
    Executor::new(Pool::new(threads))
}

fn logits(hidden: &HiddenStates, model: &Model, tokens: &[usize], executor: &mut Executor) -> Vec<u32> {
    let mut out = vec![0.0; tokens.len() * model.config().vocab_size];
    hidden.logits(model, tokens, &mut out, executor);
    out.iter().map(|logit| logit.to_bits()).collect()
}

/// The logits after each of `tokens`, one pass for each of them.
fn alone(model: &Model, tokens: &[u32]) -> Vec<Vec<u32>> {
    let (mut sequence, mut executor) = (Sequence::new(model), executor(1));
    tokens
        .iter()
        .map(|&token| {
            let hidden = ForwardPass::run(model, &mut sequence, &[token], &mut executor).unwrap();
            logits(&hidden, model, &[0], &mut executor)
        })
        .collect()
}

#[test]
fn sequences_in_one_pass_get_the_bits_that_they_get_alone() {
    for precision in [Precision::Fast, Precision::Exact] {
        let (model, tokens) = model(precision, None);
        // Three texts that differ from their first token on.
        let texts: Vec<Vec<u32>> = (0..3).map(|i| tokens.iter().skip(i).chain(&tokens).copied().collect()).collect();
        let want: Vec<Vec<Vec<u32>>> = texts.iter().map(|text| alone(&model, &text[..16])).collect();
        for threads in [1, 2, 3] {
            let mut executor = executor(threads);
            let mut sequences: Vec<Sequence> = texts.iter().map(|_| Sequence::new(&model)).collect();
            // How many tokens each has in a pass: prompts of different lengths, some beside others' single tokens.
            for lengths in [[5, 0, 0], [1, 9, 0], [1, 1, 3], [1, 2, 11], [1, 1, 1]] {
                let mut inputs = Vec::new();
                let mut asked = Vec::new();
                let mut first = 0;
                for (index, (sequence, length)) in sequences.iter_mut().zip(lengths).enumerate() {
                    if length > 0 {
                        let position = sequence.len();
                        asked.push((index, position + length - 1, first + length - 1));
                        inputs.push((sequence, &texts[index][position..position + length]));
                        first += length;
                    }
                }
                let mut pass = ForwardPass::begin(&model, &mut inputs, &mut executor).unwrap();
                let mut members: Vec<&mut Sequence> = inputs.into_iter().map(|(sequence, _)| sequence).collect();
                while pass.layer(&model, &mut members, &mut executor).unwrap() {}
                let hidden = pass.end(&mut members).unwrap();
                assert_eq!(hidden.tokens(), lengths.iter().sum::<usize>());
                let last: Vec<usize> = asked.iter().map(|(.., token)| *token).collect();
                let got = logits(&hidden, &model, &last, &mut executor);
                for ((index, position, _), got) in asked.iter().zip(got.chunks_exact(model.config().vocab_size)) {
                    let at =
                        format!("{precision:?}, {threads} threads, {lengths:?}, text {index}, position {position}");
                    assert!(got == want[*index][*position], "{at}");
                }
            }
            for (sequence, text) in sequences.iter().zip(&texts) {
                assert_eq!(sequence.tokens(), &text[..sequence.len()]);
            }
        }
    }
}

#[test]
fn a_pass_that_is_dropped_leaves_no_trace_and_shares_working_memory_with_others() {
    let (model, tokens) = model(Precision::Fast, None);
    let want = alone(&model, &tokens[..6]);
    let mut executor = executor(2);
    let (mut a, mut b) = (Sequence::new(&model), Sequence::new(&model));
    ForwardPass::run(&model, &mut a, &tokens[..3], &mut executor).unwrap();
    let mut dropped = ForwardPass::begin(&model, &mut [(&mut a, &tokens[7..11])], &mut executor).unwrap();
    dropped.layer(&model, &mut [&mut a], &mut executor).unwrap();
    drop(dropped);
    assert_eq!(a.tokens(), &tokens[..3]);
    // Another pass between any two layers of this one.
    let mut pass = ForwardPass::begin(&model, &mut [(&mut a, &tokens[3..6])], &mut executor).unwrap();
    while pass.layer(&model, &mut [&mut a], &mut executor).unwrap() {
        ForwardPass::run(&model, &mut b, &tokens[5..10], &mut executor).unwrap();
    }
    let hidden = pass.end(&mut [&mut a]).unwrap();
    assert!(logits(&hidden, &model, &[2, 0], &mut executor) == [&want[5][..], &want[3]].concat());
}

#[test]
fn chosen_logits_are_those_of_all_where_all_are_exact() {
    for precision in [Precision::Fast, Precision::Exact] {
        // The vocabulary is so small that the fast head estimates nothing.
        let (model, tokens) = model(precision, None);
        let (mut sequence, mut executor) = (Sequence::new(&model), executor(2));
        let hidden = ForwardPass::run(&model, &mut sequence, &tokens[..4], &mut executor).unwrap();
        let all = logits(&hidden, &model, &[1], &mut executor);
        let ids = [5, 0, model.config().vocab_size as u32 - 1, 5, 17];
        let mut some = [0.0; 5];
        hidden.exact_logits(&model, 1, &ids, &mut some, &mut executor);
        assert_eq!(some.map(f32::to_bits), ids.map(|id| all[id as usize]));
    }
}

#[test]
fn what_cannot_be_is_refused_and_changes_nothing() {
    let (model, tokens) = model(Precision::Fast, Some(8));
    let mut executor = executor(1);
    let (mut a, mut b) = (Sequence::new(&model), Sequence::new(&model));
    let vocab_size = model.config().vocab_size as u32;
    for (text, kind) in [
        (&tokens[..9], ErrorKind::ContextOverflow),
        (&[vocab_size][..], ErrorKind::InvalidArgument),
        (&[][..], ErrorKind::InvalidArgument),
    ] {
        let mut inputs = [(&mut a, &tokens[..2]), (&mut b, text)];
        assert_eq!(ForwardPass::begin(&model, &mut inputs, &mut executor).unwrap_err().kind(), kind);
        assert!(a.is_empty() && b.is_empty());
    }
    let mut pass = ForwardPass::begin(&model, &mut [(&mut a, &tokens[..2])], &mut executor).unwrap();
    for others in [&mut [][..], &mut [&mut a, &mut b]] {
        assert_eq!(pass.layer(&model, others, &mut executor).unwrap_err().kind(), ErrorKind::Internal);
    }
    assert_eq!(pass.end(&mut [&mut a]).unwrap_err().kind(), ErrorKind::Internal, "layers are missing");
    // Others of the same length.
    let mut pass =
        ForwardPass::begin(&model, &mut [(&mut a, &tokens[..1]), (&mut b, &tokens[..1])], &mut executor).unwrap();
    assert_eq!(pass.layer(&model, &mut [&mut b, &mut a], &mut executor).unwrap_err().kind(), ErrorKind::Internal);
    // The sequence changes and comes back to its length while a pass is under way.
    ForwardPass::run(&model, &mut a, &tokens[..2], &mut executor).unwrap();
    let mut pass = ForwardPass::begin(&model, &mut [(&mut a, &tokens[2..4])], &mut executor).unwrap();
    a.truncate(1);
    ForwardPass::run(&model, &mut a, &tokens[5..6], &mut executor).unwrap();
    assert_eq!(pass.layer(&model, &mut [&mut a], &mut executor).unwrap_err().kind(), ErrorKind::Internal);
}
