// table.c's program in Rust.
use std::hint::black_box;
use std::sync::mpsc::{channel, Sender};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

extern "C" {
    fn clock() -> i64; // of the process, in microseconds
}

#[no_mangle]
#[inline(never)]
pub extern "C" fn table_burn() {
    let end = unsafe { clock() } + 300000;
    let mut n = 0u64;
    while unsafe { clock() } < end {
        for i in 0..4096 {
            n = black_box(n.wrapping_add(i));
        }
    }
}

#[no_mangle]
#[inline(never)]
pub fn table_keep(kept: &mut Vec<Vec<u8>>) {
    for _ in 0..8 {
        kept.push(Vec::with_capacity(1 << 20));
    }
    black_box(kept);
}

#[no_mangle]
#[inline(never)]
pub fn table_drop() {
    for _ in 0..8 {
        black_box(Vec::<u8>::with_capacity(1 << 20));
    }
}

#[no_mangle]
#[inline(never)]
pub fn table_release(guard: MutexGuard<u64>) {
    drop(guard);
    black_box(0);
}

#[no_mangle]
#[inline(never)]
pub fn table_wait(mutex: &Mutex<u64>) -> u64 {
    let guard = mutex.lock().unwrap();
    black_box(*guard)
}

#[no_mangle]
#[inline(never)]
pub fn table_spawn() {
    let threads: Vec<_> = (0..3).map(|_| thread::spawn(|| {})).collect();
    for thread in threads {
        thread.join().unwrap();
    }
}

#[no_mangle]
#[inline(never)]
pub fn table_park(tell: Sender<()>) {
    tell.send(()).unwrap();
    loop {
        thread::sleep(Duration::from_secs(3600));
    }
}

fn main() {
    let mut kept = Vec::with_capacity(8);
    table_keep(&mut kept);
    table_drop();
    table_spawn();
    let mutex = Arc::new(Mutex::new(1));
    let (tell, told) = channel();
    let other = mutex.clone();
    let holder = thread::spawn(move || {
        let guard = other.lock().unwrap();
        tell.send(()).unwrap();
        thread::sleep(Duration::from_millis(100));
        table_release(guard);
    });
    told.recv().unwrap();
    table_wait(&mutex);
    holder.join().unwrap();
    table_burn();
    let (tell, told) = channel();
    thread::spawn(move || table_park(tell));
    told.recv().unwrap();
    thread::sleep(Duration::from_millis(50));
    std::process::exit(black_box(kept.len()) as i32 - 8);
}
