//! [`Masters`]: members of `system:masters` may do everything, whatever the roles say.

use super::{Attributes, Authorizer, Decision};
use crate::kube::user::User;

pub struct Masters;

impl Authorizer for Masters {
    fn decide(&self, attributes: &Attributes<'_>) -> Decision {
        if attributes.user.is_in(User::MASTERS) { Decision::Allow } else { Decision::NoOpinion }
    }

    fn explain(&self, attributes: &Attributes<'_>) -> (Decision, String) {
        (self.decide(attributes), String::new())
    }
}
