// waits: waits of known length in Rust's ways: see waits.c.
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::mpsc::{channel, Receiver};
use std::sync::{Arc, Barrier, Condvar, Mutex, MutexGuard, Once, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread::{sleep, spawn, JoinHandle};
use std::time::{Duration, Instant};

const PAUSE: Duration = Duration::from_millis(20);

static READY: AtomicBool = AtomicBool::new(false);
static GIVEN: AtomicU64 = AtomicU64::new(0);
static MUTEX: Mutex<u32> = Mutex::new(0);
static LOCK: RwLock<u32> = RwLock::new(0);
static SET: Mutex<bool> = Mutex::new(false);
static CONDITION: Condvar = Condvar::new();
static ONCE: Once = Once::new();

fn now(start: Instant) -> u64 {
    start.elapsed().as_nanos() as u64
}

fn ready(start: Instant) {
    READY.store(true, SeqCst);
    sleep(PAUSE);
    GIVEN.store(now(start), SeqCst);
}

#[inline(never)]
fn give_mutex(guard: MutexGuard<u32>, start: Instant) {
    GIVEN.store(now(start), SeqCst);
    drop(guard);
}

#[inline(never)]
fn give_write(guard: RwLockWriteGuard<u32>, start: Instant) {
    GIVEN.store(now(start), SeqCst);
    drop(guard);
}

#[inline(never)]
fn give_read(guard: RwLockReadGuard<u32>, start: Instant) {
    GIVEN.store(now(start), SeqCst);
    drop(guard);
}

#[inline(never)]
fn wait_mutex() {
    *MUTEX.lock().unwrap() += 1;
}

#[inline(never)]
fn wait_read() -> u32 {
    *LOCK.read().unwrap()
}

#[inline(never)]
fn wait_write() {
    *LOCK.write().unwrap() += 1;
}

#[inline(never)]
fn wait_condition() {
    let mut set = SET.lock().unwrap();
    while !*set {
        set = CONDITION.wait(set).unwrap();
    }
}

#[inline(never)]
fn wait_park() {
    std::thread::park();
    black_box(()); // no tail call
}

#[inline(never)]
fn wait_receive(from: &Receiver<u32>) {
    from.recv().unwrap();
}

#[inline(never)]
fn wait_barrier(barrier: &Barrier) {
    black_box(barrier.wait());
}

#[inline(never)]
fn wait_join(thread: JoinHandle<()>) {
    thread.join().unwrap();
}

#[inline(never)]
fn wait_once() {
    ONCE.call_once(|| ());
}

fn test(name: &str, start: Instant, giver: Option<&str>, other: impl FnOnce() + Send + 'static, wait: impl FnOnce()) {
    READY.store(false, SeqCst);
    let thread = spawn(other);
    while !READY.load(SeqCst) {}
    let begin = now(start);
    wait();
    let end = now(start);
    thread.join().unwrap();
    let given = GIVEN.load(SeqCst);
    if given > begin {
        // A barrier has a mutex too, which the last to come may hold a little longer.
        let n = if name == "wait_barrier" { "any" } else { "1" };
        println!("block {name} {n} {}", end - begin);
        if let Some(giver) = giver {
            println!("mutex {giver} 1 {}", given - begin);
        }
    }
}

fn main() {
    let start = Instant::now();
    test("wait_mutex", start, Some("give_mutex"),
        move || { let guard = MUTEX.lock().unwrap(); ready(start); give_mutex(guard, start) }, wait_mutex);
    test("wait_read", start, Some("give_write"),
        move || { let guard = LOCK.write().unwrap(); ready(start); give_write(guard, start) }, || { wait_read(); });
    test("wait_write", start, Some("give_read"),
        move || { let guard = LOCK.read().unwrap(); ready(start); give_read(guard, start) }, wait_write);
    test("wait_condition", start, None,
        move || { ready(start); *SET.lock().unwrap() = true; CONDITION.notify_one() }, wait_condition);
    let main = std::thread::current();
    test("wait_park", start, None, move || { ready(start); main.unpark() }, wait_park);
    let (to, from) = channel();
    test("wait_receive", start, None, move || { ready(start); to.send(1).unwrap() }, || wait_receive(&from));
    let barrier = Arc::new(Barrier::new(2));
    let other = barrier.clone();
    test("wait_barrier", start, None, move || { ready(start); other.wait(); }, || wait_barrier(&barrier));
    let finishing = spawn(|| sleep(4 * PAUSE));
    test("wait_join", start, None, move || { READY.store(true, SeqCst); sleep(4 * PAUSE); GIVEN.store(now(start), SeqCst) },
        || wait_join(finishing));
    test("wait_once", start, None, move || ONCE.call_once(|| ready(start)), wait_once);
}
