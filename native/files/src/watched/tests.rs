use std::fs;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::time::{Duration, Instant as Clock};

use nix::fcntl::OFlag;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use tokio::time::advance;

use super::*;
use crate::{CHECK_EVERY, GIVEN_UP_AFTER, Secret};

type Told = Arc<Mutex<Vec<Remark>>>;

struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("watched-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn file(&self) -> PathBuf {
        self.0.join("file")
    }

    fn write(&self, text: &str) {
        // Another inode, so that two writes in one tick of the file system's clock differ.
        let new = self.0.join("new");
        fs::write(&new, text).unwrap();
        fs::rename(new, self.file()).unwrap();
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn number(bytes: &[u8]) -> Result<u32, String> {
    let text = String::from_utf8_lossy(bytes);
    text.trim()
        .parse()
        .map_err(|_| "it is no number".to_owned())
}

fn teller() -> (Told, Tell) {
    let told = Told::default();
    let tell = Arc::clone(&told);
    (told, Arc::new(move |problem| tell.lock().push(problem)))
}

fn taken(told: &Told) -> Vec<Remark> {
    std::mem::take(&mut *told.lock())
}

fn is_mended(told: &Told) -> bool {
    matches!(told.lock().last(), Some(Remark::Mended(_)))
}

fn watched(source: Source) -> (Watched<u32>, Told) {
    let (told, tell) = teller();
    (Watched::read("option", source, number, tell), told)
}

/// Waits for other threads, which the paused clock knows nothing of.
fn eventually(what: &str, done: impl Fn() -> bool) {
    let end = Clock::now() + Duration::from_secs(30);
    while !done() {
        assert!(Clock::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[tokio::test(start_paused = true)]
async fn a_changed_file_is_read_again_within_a_minute() {
    let scratch = Scratch::new("changed");
    scratch.write("1");
    let (watched, told) = watched(Source::File(scratch.file()));
    assert_eq!(*watched.get().await.unwrap(), 1);
    scratch.write("2");
    assert!(!watched.0.watch.is_due());
    advance(CHECK_EVERY).await;
    assert!(watched.0.watch.is_due());
    // A notification that comes meanwhile does not wait for the read.
    watched.get().await.unwrap();
    eventually("the change is read", || watched.now() == Ok(Arc::new(2)));
    assert_eq!(taken(&told), []);
}

#[tokio::test(start_paused = true)]
async fn an_unusable_new_content_keeps_the_old_and_is_said_once() {
    let scratch = Scratch::new("unusable");
    scratch.write("1");
    let (watched, told) = watched(Source::File(scratch.file()));
    scratch.write("secret");
    for _ in 0..3 {
        watched.refresh_here();
        assert_eq!(*watched.get().await.unwrap(), 1);
    }
    let file = scratch.file().display().to_string();
    let text = format!("option: {file}: it is no number; the old content stays in use");
    assert_eq!(taken(&told), [Remark::Warning(text)]);
    scratch.write("still secret");
    watched.refresh_here();
    assert_eq!(taken(&told).len(), 1, "another content is another problem");
    scratch.write("3");
    watched.refresh_here();
    assert_eq!(*watched.get().await.unwrap(), 3);
    assert_eq!(
        taken(&told),
        [Remark::Mended(format!("option: {file} is in use"))]
    );
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_not_there_yet_is_tried_again_soon() {
    let scratch = Scratch::new("missing");
    let (watched, told) = watched(Source::File(scratch.file()));
    let error = watched.now().unwrap_err();
    assert!(error.contains("No such file"), "{error}");
    let problems = taken(&told);
    assert!(
        matches!(&problems[..], [Remark::Problem(text)] if text.ends_with("fail")),
        "{problems:?}"
    );
    scratch.write("4");
    advance(Duration::from_millis(249)).await;
    assert!(!watched.0.watch.is_due());
    advance(Duration::from_millis(1)).await;
    let _ = watched.get().await;
    eventually("the file is read", || watched.now() == Ok(Arc::new(4)));
    eventually("it is said", || is_mended(&told));
}

#[tokio::test(start_paused = true)]
async fn a_file_that_vanishes_is_said_once_and_its_content_stays() {
    let scratch = Scratch::new("vanishes");
    scratch.write("1");
    let (watched, told) = watched(Source::File(scratch.file()));
    fs::remove_file(scratch.file()).unwrap();
    for _ in 0..3 {
        watched.refresh_here();
        assert_eq!(*watched.get().await.unwrap(), 1);
    }
    assert_eq!(taken(&told).len(), 1);
}

/// A pipe that no process writes to hangs like a file on a mount whose server is gone.
#[tokio::test(start_paused = true)]
async fn a_first_read_that_hangs_is_waited_for_once_and_not_for_ever() {
    let scratch = Scratch::new("hangs");
    mkfifo(&scratch.file(), Mode::S_IRWXU).unwrap();
    let (told, tell) = teller();
    let begin = Instant::now();
    let watched = Watched::new("option", Source::File(scratch.file()), number, tell);
    let error = watched.get().await.unwrap_err();
    assert!(error.ends_with("reading it takes long"), "{error}");
    assert_eq!(begin.elapsed(), PATIENCE);
    // Later notifications do not wait again, and no second thread reads.
    advance(2 * CHECK_EVERY).await;
    let begin = Instant::now();
    assert!(watched.get().await.is_err());
    assert_eq!(begin.elapsed(), Duration::ZERO);
    assert_eq!(taken(&told).len(), 1);
    fs::write(scratch.file(), "5").unwrap();
    eventually("the read ends", || watched.now() == Ok(Arc::new(5)));
    eventually("it is said", || is_mended(&told));
}

#[tokio::test(start_paused = true)]
async fn a_later_read_that_hangs_keeps_the_content_and_is_said() {
    let scratch = Scratch::new("hangs-later");
    scratch.write("1");
    let (watched, told) = watched(Source::File(scratch.file()));
    fs::remove_file(scratch.file()).unwrap();
    mkfifo(&scratch.file(), Mode::S_IRWXU).unwrap();
    advance(CHECK_EVERY).await;
    for _ in 0..3 {
        assert_eq!(*watched.get().await.unwrap(), 1);
        advance(PATIENCE).await;
    }
    let problems = taken(&told);
    assert!(
        matches!(&problems[..], [Remark::Warning(text)] if text.ends_with("reading it takes long; the old content stays in use")),
        "{problems:?}"
    );
    fs::write(scratch.file(), "6").unwrap();
    eventually("the read ends", || watched.now() == Ok(Arc::new(6)));
}

#[tokio::test(start_paused = true)]
async fn a_read_that_never_ends_is_given_up_and_the_file_read_again() {
    let scratch = Scratch::new("never-ends");
    scratch.write("1");
    let (watched, told) = watched(Source::File(scratch.file()));
    fs::remove_file(scratch.file()).unwrap();
    mkfifo(&scratch.file(), Mode::S_IRWXU).unwrap();
    advance(CHECK_EVERY).await;
    assert_eq!(*watched.get().await.unwrap(), 1);
    // It can be opened like this once there is a reader, who then waits until it is closed.
    let mut options = fs::File::options();
    options.write(true).custom_flags(OFlag::O_NONBLOCK.bits());
    let writer = Mutex::new(None);
    eventually("the pipe is read", || {
        *writer.lock() = options.open(scratch.file()).ok();
        writer.lock().is_some()
    });
    scratch.write("2");
    advance(PATIENCE).await;
    assert_eq!(*watched.get().await.unwrap(), 1);
    assert_eq!(taken(&told).len(), 1, "it is said that it hangs");
    advance(GIVEN_UP_AFTER).await;
    watched.get().await.unwrap();
    eventually("the file is read", || watched.now() == Ok(Arc::new(2)));
    eventually("it is said", || is_mended(&told));
    assert_eq!(taken(&told).len(), 1);
    // The first read ends at last, with nothing.
    drop(writer);
    eventually("its thread has ended", || {
        Arc::strong_count(&watched.0) == 1
    });
    assert_eq!(*watched.get().await.unwrap(), 2);
    assert_eq!(taken(&told), []);
}

#[tokio::test(start_paused = true)]
async fn a_crash_while_reading_is_a_problem_like_others() {
    let scratch = Scratch::new("crash");
    scratch.write("1");
    let (told, tell) = teller();
    let crash = |_: &[u8]| -> Result<u32, String> { panic!("on purpose") };
    let watched = Watched::new("option", Source::File(scratch.file()), crash, tell);
    eventually("it has crashed", || !watched.0.watch.is_looking());
    let error = watched.now().unwrap_err();
    assert!(error.ends_with("crashed"), "{error}");
    assert_eq!(taken(&told).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn values_and_variables_are_read_at_once_and_never_again() {
    let (value, _) = watched(Source::Value(Secret::new("7")));
    assert_eq!(*value.get().await.unwrap(), 7);
    let name = "WATCHED_TESTS_HAVE_NO_SUCH_VARIABLE";
    let (missing, told) = watched(Source::Env(name.to_owned()));
    let expected = format!("option: the environment variable {name}: it is not set");
    assert_eq!(missing.get().await.unwrap_err(), expected);
    advance(10 * CHECK_EVERY).await;
    let _ = (missing.get().await, value.get().await);
    assert_eq!(taken(&told).len(), 1);
    let (path, _) = watched(Source::Env("PATH".to_owned()));
    assert!(path.get().await.unwrap_err().ends_with("it is no number"));
    assert!(!format!("{value:?}").contains('7'));
}

#[test]
fn a_file_without_an_end_is_not_read_to_it() {
    let error = crate::read(Path::new("/dev/zero")).unwrap_err();
    assert!(error.to_string().contains("more than"), "{error}");
}
