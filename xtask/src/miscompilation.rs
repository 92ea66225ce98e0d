//! A fault of the compiler that `cargo xtask build` looks for in every module that it makes.
//!
//! LLVM 22.1 reverses the operands of a shift where its WebAssembly backend joins the comparisons of 32 or 64 bytes into one
//! integer, 16 bits at a time: `16 << mask` stands where `mask << 16` belongs (llvm/llvm-project#190358, fixed by pull
//! request 190361, which is in LLVM 23). It strikes where a loop over bytes is vectorized and gathers a boolean by "or" or
//! "and", in our code, a dependency or std, and the answer is wrong without a word.
//!
//! No program means 16 shifted by a bitmask, so that this is what is looked for: a function's operand stack and locals are
//! followed as far as constants of 16 and bitmasks go.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use wasmparser::{FuncValidator, FunctionBody, Operator, Parser, ValidPayload, Validator, WasmModuleResources};

use crate::{symbols, toolchain};

/// The first LLVM without the fault.
const FIXED_IN: (u32, u32, u32) = (23, 0, 0);

/// The knowledge about a value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Value {
    Sixteen,
    /// Comparisons of lanes, a bit for each, maybe with more added.
    Mask,
    Other,
}

/// Fails, naming the functions, if the fault is anywhere in `wasm`, a module that still has its function names.
pub fn check(wasm: &Path) -> Result<()> {
    let found = functions(&fs::read(wasm).with_context(|| wasm.display().to_string())?)?;
    if toolchain::llvm_version().is_some_and(|version| version >= FIXED_IN) {
        eprintln!(
            "    LLVM shifts bitmasks right since version {}: xtask/src/miscompilation.rs and what it made necessary in \
             src/quant/tq2_0.rs may be removed",
            FIXED_IN.0
        );
    }
    if !found.is_empty() {
        bail!(
            "the compiler made a wrong shift (llvm/llvm-project#190358) in {}: a loop over bytes there ends in a boolean \
             \"any\" or \"all\"; gather the bytes themselves instead (as in src/quant/tq2_0.rs) and compare at the end",
            found.join(", ")
        );
    }
    Ok(())
}

/// The functions of a module that shift 16 by a bitmask.
fn functions(wasm: &[u8]) -> Result<Vec<String>> {
    let names = symbols::functions(wasm)?;
    let mut validator = Validator::new();
    let mut found = Vec::new();
    for payload in Parser::new(0).parse_all(wasm) {
        if let ValidPayload::Func(function, body) = validator.payload(&payload?)? {
            let mut function = function.into_validator(Default::default());
            if shifts_by_mask(&mut function, &body)? {
                let index = function.index();
                found.push(
                    names.get(&index).map_or_else(|| format!("function {index}"), |name| symbols::demangle(name)),
                );
            }
        }
    }
    Ok(found)
}

fn shifts_by_mask<R: WasmModuleResources>(function: &mut FuncValidator<R>, body: &FunctionBody) -> Result<bool> {
    let mut reader = body.get_binary_reader();
    function.read_locals(&mut reader)?;
    let mut locals = vec![Value::Other; function.len_locals() as usize];
    let mut stack = Vec::new();
    while !reader.eof() {
        let at = reader.original_position();
        let operator = reader.peek_operator(&function.visitor(at))?;
        let (taken, given) = operator.operator_arity(&function.visitor(at)).unwrap_or_default();
        reader.visit_operator(&mut function.visitor(at))??;
        // Behind a jump, where nothing is reached, there may be less on the stack than is taken.
        let operands = stack.split_off(stack.len().saturating_sub(taken as usize));
        if let (Operator::I32Shl | Operator::I64Shl, [Value::Sixteen, Value::Mask]) = (&operator, &operands[..]) {
            return Ok(true);
        }
        let value = result(&operator, &operands, &mut locals);
        stack.resize(stack.len() + given as usize, value);
        stack.resize(function.operand_stack_height() as usize, Value::Other);
    }
    Ok(false)
}

/// The effect of an operator on its operands.
fn result(operator: &Operator, operands: &[Value], locals: &mut [Value]) -> Value {
    let first = operands.first().copied().unwrap_or(Value::Other);
    match operator {
        Operator::I32Const { value: 16 } | Operator::I64Const { value: 16 } => Value::Sixteen,
        Operator::I8x16Bitmask | Operator::I16x8Bitmask | Operator::I32x4Bitmask | Operator::I64x2Bitmask => {
            Value::Mask
        }
        Operator::I64ExtendI32U | Operator::I64ExtendI32S | Operator::I32WrapI64 => first,
        Operator::I32Add
        | Operator::I64Add
        | Operator::I32Or
        | Operator::I64Or
        | Operator::I32And
        | Operator::I64And
            if operands.contains(&Value::Mask) =>
        {
            Value::Mask
        }
        Operator::LocalGet { local_index } => locals[*local_index as usize],
        Operator::LocalSet { local_index } | Operator::LocalTee { local_index } => {
            locals[*local_index as usize] = first;
            first
        }
        _ => Value::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host;
    use crate::wasm::Variant;

    /// Writes the codes of 32 bytes, and tells whether one is 3: first by a boolean, as must not be, then as in `tq2_0.rs`.
    const DECODERS: [(&str, &str, &str); 2] =
        [("faulty", "false", "seen |= code == 3"), ("right", "0_u8", "seen |= code & (code >> 1)")];

    /// A crate with a decoder of every name, compiled as the release of `variant` is.
    fn compile(variant: Variant, decoders: &[(&str, &str, &str)]) -> Vec<u8> {
        toolchain::ensure().unwrap();
        let mut source =
            "#![no_std]\n#[panic_handler]\nfn end(_: &core::panic::PanicInfo) -> ! { loop {} }\n".to_owned();
        for (name, start, gather) in decoders {
            source += &format!(
                "#[unsafe(no_mangle)]
                pub extern \"C\" fn {name}(bytes: &[u8; 32], codes: &mut [i8; 128]) -> bool {{
                    let mut seen = {start};
                    for (field, codes) in codes.chunks_exact_mut(32).enumerate() {{
                        for (out, &byte) in codes.iter_mut().zip(bytes) {{
                            let code = (byte >> (2 * field)) & 3;
                            {gather};
                            *out = code as i8 - 1;
                        }}
                    }}
                    seen != {start}
                }}\n"
            );
        }
        let folder = host::target_dir().join("miscompilation");
        fs::create_dir_all(&folder).unwrap();
        // Tests run side by side.
        let name = format!("{}-{}", variant.name(), decoders.iter().map(|decoder| decoder.0).collect::<String>());
        let (source_file, wasm) = (folder.join(format!("{name}.rs")), folder.join(format!("{name}.wasm")));
        fs::write(&source_file, source).unwrap();
        let mut rustc = std::process::Command::new("rustc");
        rustc.current_dir(host::root()).args(["--crate-type=cdylib", "--crate-name=decoders", "--edition=2024"]);
        rustc
            .args(["--target=wasm32-unknown-unknown", "-Copt-level=3", "-Cpanic=abort"])
            .arg(variant.target_features());
        assert!(host::output_of(rustc.arg(&source_file).arg("-o").arg(&wasm)).is_some(), "{name}.rs does not compile");
        fs::read(wasm).unwrap()
    }

    #[test]
    fn the_pinned_compiler_makes_the_fault_and_it_is_found() {
        for variant in Variant::ALL {
            let found = functions(&compile(variant, &DECODERS)).unwrap();
            assert_eq!(
                found,
                ["faulty"],
                "{}: if nothing is found, the toolchain has moved past the fault: remove xtask/src/miscompilation.rs, and \
                 src/quant/tq2_0.rs may gather a boolean again",
                variant.name()
            );
        }
    }

    #[test]
    fn a_build_with_the_fault_fails_and_one_without_passes() {
        let folder = host::target_dir().join("miscompilation");
        compile(Variant::Simd128, &DECODERS[..1]);
        let told = check(&folder.join("simd128-faulty.wasm")).unwrap_err().to_string();
        assert!(told.contains("wrong shift") && told.contains(" in faulty:"), "{told}");
        compile(Variant::Simd128, &DECODERS[1..]);
        check(&folder.join("simd128-right.wasm")).unwrap();
    }

    /// A module of one function, from four v128 and an i32 local to an i64.
    fn module(body: &[u8]) -> Vec<u8> {
        let mut wasm = b"\0asm\x01\0\0\0".to_vec();
        wasm.extend([1, 9, 1, 0x60, 4, 0x7b, 0x7b, 0x7b, 0x7b, 1, 0x7e]);
        wasm.extend([3, 2, 1, 0]);
        let code = body.len() as u8 + 4;
        wasm.extend([10, code + 2, 1, code, 1, 1, 0x7f]);
        wasm.extend(body);
        wasm.push(0x0b);
        wasm
    }

    const CONST_16: [u8; 2] = [0x42, 16];
    const ADD: u8 = 0x7c;
    const SHL: u8 = 0x86;

    /// The bitmask of an argument, as an i64.
    fn mask(argument: u8) -> [u8; 5] {
        [0x20, argument, 0xfd, 0x64, 0xad]
    }

    /// As LLVM joins 64 lanes, with `first` in front and each shift as `shifted`.
    fn joined(constants_first: bool) -> Vec<u8> {
        let mut body = Vec::new();
        if constants_first {
            body.extend(CONST_16.repeat(3));
            body.extend([&mask(0)[..], &CONST_16, &[ADD]].concat());
        } else {
            body.extend(mask(0));
        }
        for argument in 1..4 {
            if !constants_first {
                body.extend(CONST_16);
            }
            body.push(SHL);
            body.extend(mask(argument));
            body.push(ADD);
        }
        body
    }

    #[test]
    fn the_form_of_64_lanes() {
        assert_eq!(functions(&module(&joined(true))).unwrap(), ["function 0"]);
        assert_eq!(functions(&module(&joined(false))).unwrap(), [""; 0]);
    }

    #[test]
    fn a_mask_is_followed_through_a_local() {
        let set_local: &[u8] = &[0x20, 0, 0xfd, 0x64, 0x21, 4];
        let shift = |amount: &[u8]| module(&[set_local, &CONST_16, &[0x20, 4], amount, &[0xad, SHL]].concat());
        assert_eq!(functions(&shift(&[])).unwrap(), ["function 0"]);
        // i32.ctz: how many zeros a mask ends with is a number to shift by.
        assert_eq!(functions(&shift(&[0x68])).unwrap(), [""; 0]);
    }
}
