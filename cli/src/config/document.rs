//! The configuration as text for people: commented TOML, and the page in `docs/`.
//!
//! Both come from the help of the flags, so that there is one text for each setting.

use super::settings::Settings;
use clap::{Args, Command};
use std::fmt::Write;

/// One setting, as its flag describes it.
struct Entry {
    /// `section.key`, or `key`.
    id: String,
    #[cfg_attr(not(test), expect(dead_code, reason = "for the page in docs"))]
    flag: String,
    value: String,
    help: String,
    heading: String,
}

fn entries() -> Vec<Entry> {
    let command = Settings::augment_args(Command::new("xebec"));
    let entry = |argument: &clap::Arg| {
        let help = argument.get_long_help().or(argument.get_help());
        let names = argument.get_value_names().unwrap_or_default();
        Entry {
            id: argument.get_id().to_string(),
            flag: format!("--{}", argument.get_long().unwrap_or_default()),
            value: names.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
            help: help.map(ToString::to_string).unwrap_or_default(),
            heading: argument.get_help_heading().unwrap_or_default().to_owned(),
        }
    };
    command.get_arguments().map(entry).collect()
}

/// The settings as a file that `--config` reads, each under its description. A setting without a
/// value stands there as a comment.
pub fn commented_toml(settings: &Settings) -> String {
    let values = super::table(settings);
    let mut text = String::new();
    let mut current = "";
    let entries = entries();
    for entry in &entries {
        let (section, key) = entry.id.split_once('.').unwrap_or(("", &entry.id));
        if section != current {
            let _ = writeln!(text, "# {}\n[{section}]\n", entry.heading);
            current = section;
        }
        for line in entry.help.lines() {
            let _ = writeln!(text, "# {line}");
        }
        let table = if section.is_empty() { Some(&values) } else { values[section].as_table() };
        let _ = match table.and_then(|table| table.get(key)) {
            Some(value) => writeln!(text, "{key} = {value}\n"),
            None => writeln!(text, "# {key} = {}\n", entry.value),
        };
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

/// `docs/configuration.md`.
#[cfg(test)]
fn markdown() -> String {
    let mut text = String::from(
        "# Configuration\n\n\
         `xebec server` takes every setting as a flag or from a TOML file (`--config FILE`); flags\n\
         override the file, and an unknown key is refused with its line. `xebec server\n\
         --print-config` prints the settings in force, as such a file.\n\n\
         This page is checked against the binary; `UPDATE_EXPECT=1 cargo test -p xebec` writes it.\n",
    );
    let mut current = String::new();
    for entry in entries() {
        let (section, key) = entry.id.split_once('.').unwrap_or(("", &entry.id));
        if entry.heading != current {
            let place = if section.is_empty() { String::new() } else { format!(": `[{section}]`") };
            let _ = write!(text, "\n## {}{place}\n\n", entry.heading);
            text.push_str("| key | flag | value | meaning |\n|---|---|---|---|\n");
            current.clone_from(&entry.heading);
        }
        let help = entry.help.replace('\n', " ").replace('|', "\\|").replace("<name>", "\\<name>");
        let value = entry.value.replace('|', "\\|");
        let _ = writeln!(text, "| `{key}` | `{}` | `{value}` | {help} |", entry.flag);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect_file;
    use std::collections::BTreeSet;

    fn keys(table: &toml::Table, prefix: &str, into: &mut BTreeSet<String>) {
        for (key, value) in table {
            match value {
                toml::Value::Table(section) => keys(section, &format!("{key}."), into),
                _ => _ = into.insert(format!("{prefix}{key}")),
            }
        }
    }

    /// Settings in which nothing is absent.
    fn full() -> Settings {
        let mut settings = Settings::default().with_defaults();
        let path = || Some("x".into());
        let (client, peer) = (&mut settings.client, &mut settings.peer);
        (client.cert, client.key, client.ca) = (path(), path(), path());
        (peer.cert, peer.key, peer.ca) = (path(), path(), path());
        let api = &mut settings.api;
        (api.cert, api.key, api.client_ca) = (path(), path(), path());
        api.service_account_key = path();
        api.token_file = path();
        api.service_account_old_keys = path().map(|path| vec![path]);
        api.vip = "https://127.0.0.10:6443".parse().ok();
        settings.log.file = path();
        settings.storage.disk_reserve = Some(super::super::ByteSize(1));
        settings
    }

    #[test]
    fn every_key_is_a_flag_of_the_same_name() {
        let mut in_file = BTreeSet::new();
        keys(&super::super::table(&full()), "", &mut in_file);
        let flags: BTreeSet<String> = entries().into_iter().map(|entry| entry.id).collect();
        assert_eq!(in_file, flags);
        for entry in entries() {
            assert!(!entry.help.is_empty(), "{} has no help", entry.id);
            let expected = format!("--{}", entry.id.replace(['.', '_'], "-"));
            assert!(entry.flag == expected || entry.id == "cluster.join", "{}", entry.flag);
        }
    }

    #[test]
    fn the_printed_file_reads_back() {
        for settings in [full(), Settings::default().with_defaults()] {
            let text = commented_toml(&settings);
            assert_eq!(toml::from_str::<Settings>(&text).expect(&text), settings);
        }
    }

    #[test]
    fn the_page_is_up_to_date() {
        expect_file!["../../../docs/configuration.md"].assert_eq(&markdown());
    }
}
