//! The browser's side: a list of tests that JavaScript calls by index, and threads that it started before.

use std::collections::VecDeque;
use std::panic;
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use test::{ShouldPanic, StaticTestFn, TestDescAndFn};
use wasm_bindgen::prelude::wasm_bindgen;

/// How many seconds a test may wait for a thread before it is told that there are too few.
const PATIENCE: usize = 120;

struct Test {
    name: String,
    /// Why it is not run, if it is not.
    ignored: Option<&'static str>,
    should_panic: bool,
    run: fn() -> Result<(), String>,
}

static TESTS: OnceLock<Vec<Test>> = OnceLock::new();

/// What a test crate's `main` calls, as its `test_runner`: keeps the tests for JavaScript to call.
pub fn run(tests: &[&TestDescAndFn]) {
    panic::set_hook(Box::new(|info| report_panic(&info.to_string())));
    let keep = |test: &&TestDescAndFn| Test {
        name: test.desc.name.as_slice().to_owned(),
        ignored: test.desc.ignore.then(|| test.desc.ignore_message.unwrap_or("ignored")),
        should_panic: test.desc.should_panic != ShouldPanic::No,
        run: match test.testfn {
            StaticTestFn(run) => run,
            _ => panic!("{} is no plain test", test.desc.name),
        },
    };
    TESTS.get_or_init(|| tests.iter().map(keep).collect());
}

#[wasm_bindgen]
extern "C" {
    /// Defined by `tests/e2e/wasm-worker.js`: the text of a panic, which ends in a trap that has none.
    #[wasm_bindgen(js_name = testReportPanic)]
    fn report_panic(text: &str);
}

fn tests() -> &'static [Test] {
    TESTS.get().map_or(&[], Vec::as_slice)
}

/// How many tests there are.
#[wasm_bindgen(js_name = testCount)]
pub fn count() -> usize {
    tests().len()
}

/// The name of a test, with its modules.
#[wasm_bindgen(js_name = testName)]
pub fn name(index: usize) -> String {
    tests()[index].name.clone()
}

/// Why a test is not to be run, if it is not.
#[wasm_bindgen(js_name = testIgnored)]
pub fn ignored(index: usize) -> Option<String> {
    tests()[index].ignored.map(str::to_owned)
}

/// Whether a trap is what a test is to end in.
#[wasm_bindgen(js_name = testShouldPanic)]
pub fn should_panic(index: usize) -> bool {
    tests()[index].should_panic
}

/// Runs a test; the error that it returned, if it did. A panic is a trap.
#[wasm_bindgen(js_name = testRun)]
pub fn run_one(index: usize) -> Option<String> {
    (tests()[index].run)().err()
}

type Job = Box<dyn FnOnce() + Send>;

/// The threads that JavaScript started, and what they are to do.
struct JobQueue {
    idle: usize,
    jobs: VecDeque<Job>,
}

static QUEUE: Mutex<JobQueue> = Mutex::new(JobQueue { idle: 0, jobs: VecDeque::new() });
/// A job is there.
static CALLED: Condvar = Condvar::new();
/// A thread is idle.
static FREE: Condvar = Condvar::new();

fn queue() -> MutexGuard<'static, JobQueue> {
    QUEUE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs `job` on a thread of its own.
///
/// # Panics
/// If no thread becomes free.
pub fn spawn(job: Job) {
    let mut queue = queue();
    // Seconds are counted, because std has no clock here.
    let mut waited = 0;
    while queue.idle <= queue.jobs.len() {
        assert!(waited < PATIENCE, "a test needs more threads than THREADS in tests/e2e/harness-wasm.mjs");
        let outcome = FREE.wait_timeout(queue, Duration::from_secs(1)).unwrap_or_else(PoisonError::into_inner);
        queue = outcome.0;
        waited += usize::from(outcome.1.timed_out());
    }
    queue.jobs.push_back(job);
    CALLED.notify_one();
}

/// The life of a thread: runs one job after another and never returns.
#[wasm_bindgen(js_name = testThread)]
pub fn thread() {
    let mut guard = queue();
    loop {
        guard.idle += 1;
        FREE.notify_all();
        guard = CALLED.wait_while(guard, |queue| queue.jobs.is_empty()).unwrap_or_else(PoisonError::into_inner);
        guard.idle -= 1;
        let job = guard.jobs.pop_front();
        drop(guard);
        if let Some(job) = job {
            job();
        }
        guard = queue();
    }
}
