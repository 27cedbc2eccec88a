// service: a Rust program that can be looked into while it runs, by the C library as it is.
//
//   rustc -O -g -L native=$(pkg-config --variable=libdir sonde) service.rs
//   ./service localhost:6060 &
//   sonde pprof -top http://localhost:6060/debug/pprof/profile?seconds=5
use std::collections::HashMap;
use std::ffi::{c_char, c_int, c_long, c_void, CStr, CString};
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Of sonde/sonde.h.
mod sonde {
    use super::*;

    #[repr(C)]
    pub struct Profile {
        _private: [u8; 0],
    }
    #[repr(C)]
    pub struct Labels {
        _private: [u8; 0],
    }

    #[link(name = "sonde")]
    extern "C" {
        pub fn sonde_http_serve(address: *const c_char) -> c_int;
        pub fn sonde_http_address() -> *const c_char;
        pub fn sonde_set_block_profile_rate(ns: c_long) -> c_int;
        pub fn sonde_set_mutex_profile_fraction(fraction: c_int) -> c_int;
        pub fn sonde_new_profile(name: *const c_char) -> *mut Profile;
        pub fn sonde_profile_add(profile: *mut Profile, value: *const c_void, skip: c_int)
            -> c_int;
        pub fn sonde_profile_remove(profile: *mut Profile, value: *const c_void) -> c_int;
        pub fn sonde_begin_label(key: *const c_char, value: *const c_char) -> *const Labels;
        pub fn sonde_set_labels(labels: *const Labels);
    }
}

/// A profile of what is open, by who opened it.
#[derive(Clone, Copy)]
struct Open(*mut sonde::Profile);
unsafe impl Send for Open {}

struct Session {
    profile: Open,
    user: Box<String>,
}

impl Session {
    #[inline(never)]
    fn open(profile: Open, user: String) -> Session {
        let user = Box::new(user);
        let value = &*user as *const String as *const c_void;
        unsafe { sonde::sonde_profile_add(profile.0, value, 0) };
        Session { profile, user }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let value = &*self.user as *const String as *const c_void;
        unsafe { sonde::sonde_profile_remove(self.profile.0, value) };
    }
}

type Pages = Arc<Mutex<HashMap<&'static str, Vec<String>>>>;

/// Work that takes time, memory and a lock.
#[inline(never)]
fn render(pages: &Pages, route: &'static str, n: u32) {
    let (key, value) = (CString::new("route").unwrap(), CString::new(route).unwrap());
    let before = unsafe { sonde::sonde_begin_label(key.as_ptr(), value.as_ptr()) };
    let mut page = String::new();
    for i in 0..n {
        page += &i.wrapping_mul(2654435761).to_string();
    }
    let mut all = pages.lock().unwrap();
    let of = all.entry(route).or_default();
    of.push(page);
    if of.len() > 100 {
        of.drain(..50);
    }
    unsafe { sonde::sonde_set_labels(before) };
}

fn work(pages: Pages, profile: Open, end: Instant) {
    let mut open = Vec::new();
    for i in 0.. {
        if Instant::now() > end {
            break;
        }
        if open.len() < 3 {
            open.push(Session::open(profile, format!("user {i}")));
        }
        render(&pages, if i % 3 == 0 { "/item" } else { "/list" }, 2000);
    }
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let address = args.get(1).map_or("localhost:6060", |a| a.as_str());
    let seconds = args.get(2).map_or(60, |s| s.parse().expect("seconds"));
    let text = CString::new(address).unwrap();
    let profile = unsafe {
        sonde::sonde_set_block_profile_rate(10000);
        sonde::sonde_set_mutex_profile_fraction(1);
        if sonde::sonde_http_serve(text.as_ptr()) != 0 {
            eprintln!("{address}: {}", std::io::Error::last_os_error());
            std::process::exit(1);
        }
        let served = CStr::from_ptr(sonde::sonde_http_address());
        println!("{}", served.to_string_lossy());
        std::io::stdout().flush().unwrap();
        Open(sonde::sonde_new_profile(c_name().as_ptr()))
    };
    let end = Instant::now() + Duration::from_secs(seconds);
    let pages = Pages::default();
    let theirs = pages.clone();
    let other = std::thread::spawn(move || {
        let profile = profile;
        work(theirs, profile, end)
    });
    work(pages, profile, end);
    other.join().unwrap();
}

fn c_name() -> CString {
    CString::new("service.sessions").unwrap()
}
