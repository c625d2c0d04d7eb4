//! A serializable read may be old, but it is a prefix: the state of exactly the revision that its
//! header names.

use crate::check::{Truth, Violation, results};
use crate::history::{History, Request};

pub const NAME: &str = "serializable reads are prefixes of the history";

pub fn check(history: &History, truth: &Truth) -> Vec<Violation> {
    let serializable = history.operations.iter().filter(
        |operation| matches!(&operation.request, Request::Range(range) if range.serializable),
    );
    serializable.filter_map(|operation| results::judge(operation, truth)).collect()
}

#[cfg(test)]
mod tests {
    use super::NAME;
    use crate::check::fixture::{Fixture, catches};
    use crate::history::{Outcome, Request, Response};

    fn make_serializable(fixture: &mut Fixture) {
        let Request::Range(range) = &mut fixture.last().request else { panic!("a list") };
        range.serializable = true;
    }

    #[test]
    fn an_old_state_is_good() {
        let mut fixture = Fixture::busy(3, 20);
        fixture.list();
        let old = fixture.last().outcome.clone();
        fixture.put("/t/1");
        fixture.list();
        fixture.last().outcome = old;
        make_serializable(&mut fixture);
        let report = crate::check::check(&fixture.history);
        assert!(report.is_clean(), "{report}");
    }

    #[test]
    fn catches_a_state_that_never_was() {
        catches(NAME, |fixture| {
            fixture.put("/t/1");
            fixture.list();
            make_serializable(fixture);
            let Outcome::Ok { response: Response::Range { kvs, .. }, .. } =
                &mut fixture.last().outcome
            else {
                panic!("a list")
            };
            kvs[0].value = "v1".into();
        });
    }
}
