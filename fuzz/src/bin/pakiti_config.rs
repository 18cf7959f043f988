//! pakiti-client's configuration: what is taken over means the same as what `config import` makes of it.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use reporter::config::Config;
use reporter::legacy;

fuzz_target!(|text: &str| {
    match legacy::parse(text) {
        Ok(taken) => {
            let written = taken.to_toml(Path::new("pakiti-client.conf"));
            let read: Config = toml::from_str(&written).unwrap_or_else(|error| panic!("{error}:\n{written}"));
            assert_eq!(read, Config { legacy: None, ..taken.into_config() }, "{written}");
        }
        Err(error) => {
            let told = error.to_string();
            let line = told.strip_prefix("line ").and_then(|rest| rest.split_once(':')?.0.parse().ok());
            assert!(line.is_some_and(|line: usize| (1..=text.lines().count()).contains(&line)), "{told}");
        }
    }
});
