//! The man pages and the completions name every command and every option of the program.
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::path::Path;
use std::process::Command as Process;

use clap::{Arg, Command, CommandFactory as _};
use common::{Dir, program};

fn written(dir: &Dir) -> std::path::PathBuf {
    let output = program(dir)
        .args(["shell-files", "share"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    dir.path().join("share")
}

/// Every command with the words that call it, outermost first; `help` is clap's own and has no page.
fn commands() -> Vec<(Vec<String>, Command)> {
    let mut whole = cli::Arguments::command().disable_help_subcommand(true);
    whole.build();
    let mut found = vec![(vec![whole.get_name().to_owned()], whole)];
    let mut at = 0;
    while at < found.len() {
        let (words, command) = found[at].clone();
        for inner in command.get_subcommands() {
            let words = [words.clone(), vec![inner.get_name().to_owned()]].concat();
            found.push((words, inner.clone()));
        }
        at += 1;
    }
    assert!(found.len() > 10, "{}", found.len());
    found
}

fn options(command: &Command) -> Vec<String> {
    let long = command.get_arguments().filter_map(Arg::get_long);
    long.map(str::to_owned).collect()
}

fn inner_names(command: &Command) -> Vec<String> {
    let names = command.get_subcommands().map(Command::get_name);
    names.map(str::to_owned).collect()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn every_command_has_a_man_page_with_its_options() {
    let dir = Dir::new();
    let pages = written(&dir).join("man/man1");
    let commands = commands();
    for (words, command) in &commands {
        // In roff, a hyphen that is to stay one is written with a backslash.
        let page = read(&pages.join(format!("{}.1", words.join("-")))).replace("\\-", "-");
        for option in options(command) {
            assert!(
                page.contains(&format!("--{option}\\fR")),
                "{words:?} --{option}"
            );
        }
        for argument in command.get_positionals() {
            let name = &argument.get_value_names().unwrap()[0];
            assert!(page.contains(name.as_str()), "{words:?} {name}");
        }
        for inner in inner_names(command) {
            let name = format!("{}-{inner}(1)", words.join("-"));
            assert!(page.contains(&name), "{name}");
        }
        assert!(
            page.contains(&command.get_about().unwrap().to_string()),
            "{words:?}"
        );
    }
    assert_eq!(fs::read_dir(&pages).unwrap().count(), commands.len());
}

/// What bash itself offers after these words and a last one that has begun with `begun`.
fn offered_by_bash(file: &Path, words: &[String], begun: &str) -> Vec<String> {
    let script = r#"source "$1"; shift
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
        function=$(complete -p http-pusher); function=${function##*-F }; function=${function%% *}
        "$function" http-pusher "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
        printf '%s\n' "${COMPREPLY[@]}""#;
    let output = Process::new("bash")
        .args(["--norc", "-c", script, "bash"])
        .arg(file)
        .args(words)
        .arg(begun)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_every_command_and_every_option() {
    let dir = Dir::new();
    let file = written(&dir).join("bash-completion/completions/http-pusher");
    for (words, command) in commands() {
        let offered = offered_by_bash(&file, &words, "--");
        for option in options(&command) {
            let option = format!("--{option}");
            let is_there = offered.contains(&option);
            assert!(is_there, "{words:?} {option}: {offered:?}");
        }
        let offered = offered_by_bash(&file, &words, "");
        for inner in inner_names(&command) {
            assert!(offered.contains(&inner), "{words:?} {inner}: {offered:?}");
        }
    }
}

/// The options and the arguments that zsh's script has for these words.
fn part_of_zsh<'a>(script: &'a str, words: &[String]) -> &'a str {
    let (last, outer) = words.split_last().unwrap();
    let (before, begin) = if outer.is_empty() {
        (String::new(), "_http-pusher() {".to_owned())
    } else {
        let before = format!(":{}-command-$line[", outer.join("-"));
        (before, format!("({last})\n"))
    };
    let rest = script.split_once(&before).unwrap().1;
    let rest = rest.split_once(&begin).unwrap().1;
    rest.split("&& ret=0").next().unwrap()
}

#[test]
fn zsh_completes_every_command_and_every_option() {
    let dir = Dir::new();
    let script = read(&written(&dir).join("zsh/site-functions/_http-pusher"));
    assert!(script.starts_with("#compdef http-pusher\n"));
    for (words, command) in commands() {
        let part = part_of_zsh(&script, &words);
        for option in options(&command) {
            let shown = [format!("--{option}["), format!("--{option}=[")];
            let is_there = shown.iter().any(|shown| part.contains(shown));
            assert!(is_there, "{words:?} --{option}: {part}");
        }
        for inner in inner_names(&command) {
            assert!(script.contains(&format!("'{inner}:")), "{words:?} {inner}");
        }
    }
}

#[test]
fn fish_completes_every_command_and_every_option() {
    let dir = Dir::new();
    let script = read(&written(&dir).join("fish/vendor_completions.d/http-pusher.fish"));
    for (words, command) in commands() {
        let condition = match &words[..] {
            [_] => "__fish_http_pusher_needs_command\"".to_owned(),
            [_, one] if command.has_subcommands() => {
                format!("using_subcommand {one}; and not __fish_seen_subcommand_from")
            }
            [_, one] => format!("using_subcommand {one}\""),
            [_, one, two] => {
                format!("using_subcommand {one}; and __fish_seen_subcommand_from {two}\"")
            }
            _ => panic!("{words:?}"),
        };
        let here: Vec<&str> = script
            .lines()
            .filter(|line| line.contains(&condition))
            .collect();
        let is_there = |words: String| here.iter().any(|line| line.contains(&words));
        for option in options(&command) {
            assert!(is_there(format!("-l {option} ")), "{words:?} --{option}");
        }
        for inner in inner_names(&command) {
            assert!(is_there(format!("-a \"{inner}\"")), "{words:?} {inner}");
        }
    }
}
