//! What `xebec up` shows: progress while the replicas start, the table of members, and what to
//! try. On a terminal with spinners, else line by line.

use super::cluster_file::ClusterFile;
use super::layout::Layout;
use super::supervise::Event;
use crate::pki::Pair;
use crate::surroundings::{say, warn};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::Path;
use std::time::Duration;

/// One line per replica until it is ready.
pub struct Progress {
    bars: Option<(MultiProgress, BTreeMap<String, ProgressBar>)>,
}

impl Progress {
    pub fn new(cluster: &ClusterFile) -> Self {
        if !std::io::stderr().is_terminal() {
            return Self { bars: None };
        }
        let style = ProgressStyle::with_template("{spinner} {prefix:4} {msg}");
        let style = style.unwrap_or_else(|_| ProgressStyle::default_spinner());
        let all = MultiProgress::new();
        let mut bars = BTreeMap::new();
        for member in &cluster.members {
            let bar = all.add(ProgressBar::new_spinner().with_style(style.clone()));
            bar.set_prefix(member.name.clone());
            bar.set_message(format!("{}  starting", member.client_url));
            bar.enable_steady_tick(Duration::from_millis(100));
            bars.insert(member.name.clone(), bar);
        }
        Self { bars: Some((all, bars)) }
    }

    pub fn ready(&self, name: &str, url: &str) {
        match &self.bars {
            None => say(format_args!("{name} is ready at {url}")),
            Some((_, bars)) => {
                if let Some(bar) = bars.get(name) {
                    bar.finish_with_message(format!("{url}  ready"));
                }
            }
        }
    }

    /// A line that does not disturb the spinners.
    pub fn line(&self, line: &str) {
        match &self.bars {
            None => warn(line),
            Some((all, _)) => {
                if all.println(line).is_err() {
                    warn(line);
                }
            }
        }
    }

    /// Leaves the lines as they are.
    pub fn end(&self) {
        for bar in self.bars.iter().flat_map(|(_, bars)| bars.values()) {
            if !bar.is_finished() {
                bar.abandon();
            }
        }
    }
}

/// The lines that tell of an event.
pub fn describe(event: &Event, layout: &Layout) -> Vec<String> {
    match event {
        Event::Started { name, pid } => vec![format!("{name} started (process {pid})")],
        Event::NotStarted { name, failure } => vec![format!("{name} did not start: {failure}")],
        Event::Died { name, exit, again_in } => {
            let next = match again_in {
                Some(pause) => format!("starting it again in {} ms", pause.as_millis()),
                None => "not starting it again".to_owned(),
            };
            let mut lines = vec![format!("{name} {}: {next}", exit.describe())];
            lines.extend(exit.tail.iter().map(|line| format!("  {name}: {line}")));
            lines.push(format!("  its log: {}", layout.log(name).display()));
            lines
        }
    }
}

/// What to do with the cluster, with commands to copy.
pub fn what_to_try(layout: &Layout, cluster: &ClusterFile, ca: &Path, admin: &Pair) -> String {
    let flags = format!(
        "--endpoints={} \\\n    --cacert={} \\\n    --cert={} \\\n    --key={}",
        cluster.client_urls().join(","),
        quoted(ca),
        quoted(&admin.cert),
        quoted(&admin.key)
    );
    let env = quoted(&layout.etcdctl_env());
    let kubeconfig = quoted(&layout.kubeconfig());
    let vip = cluster.vip_url();
    let logs = quoted(&layout.logs());
    let data = quoted(layout.root());
    format!(
        "Kubernetes, at {vip}. Try, in another shell:\n\
         \n  export KUBECONFIG={kubeconfig}\
         \n  kubectl get namespaces\
         \n  kubectl api-resources\n\
         \nThe etcd API:\n\
         \n  . {env}\
         \n  etcdctl put greeting hello\
         \n  etcdctl get greeting\
         \n  etcdctl watch --prefix greet\
         \n  xebec status\n\
         \nWithout the variables of that file:\n\
         \n  etcdctl {flags} \\\n    endpoint status -w table\
         \n  xebec status --data {data}\n\
         \nLogs: {logs}/<name>.log. Data: {data}. Ctrl-C stops all replicas."
    )
}

/// As a word of a shell.
pub fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%=".contains(c);
    if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_only_what_a_shell_would_split() {
        assert_eq!(quoted(Path::new("/a/b-1.c")), "/a/b-1.c");
        assert_eq!(quoted(Path::new("/a b/it's")), "'/a b/it'\\''s'");
    }
}
