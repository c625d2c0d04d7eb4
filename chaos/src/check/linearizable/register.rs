//! One key as a register, in the form that the search wants.

use crate::history::{Nanos, Revision};
use std::cell::Cell;
use todc_utils::specifications::Specification;

/// An operation on one key.
#[derive(Debug, Clone)]
pub struct KeyOp {
    /// Of the record; 0 for what no client asked for.
    pub id: u64,
    pub call_ns: Nanos,
    pub return_ns: Nanos,
    pub step: Step,
}

/// The key at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct State {
    /// A number for the value; 0 for an absent key.
    pub value: u32,
    /// Of the last change; 0 where it is not known.
    pub revision: Revision,
}

/// What is known of the state before a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Before {
    Anything,
    Is(State),
    /// Not this state (a compare with it failed).
    IsNot(State),
    /// Last changed at this revision (0: absent), or not at it.
    Revision(Revision),
    NotRevision(Revision),
    Present,
}

/// How a step changes the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    Nothing,
    To(State),
    /// Absent from this revision on, if it was not absent before.
    Remove(Revision),
}

#[derive(Debug, Clone)]
pub enum Step {
    /// The state that an earlier piece of the history ended in.
    Begin(State),
    Do {
        before: Vec<Before>,
        change: Change,
    },
}

impl Step {
    /// The state after this step, if the step alone tells it.
    pub fn fixes_state(&self) -> Option<State> {
        match self {
            Self::Begin(state) | Self::Do { change: Change::To(state), .. } => Some(*state),
            Self::Do { before, change: Change::Nothing } => before.iter().find_map(|b| match b {
                Before::Is(state) if state.value != 0 && state.revision != 0 => Some(*state),
                _ => None,
            }),
            Self::Do { change: Change::Remove(_), .. } => None,
        }
    }
}

impl Before {
    fn allows(self, state: State) -> bool {
        let is = |other: State| {
            state.value == other.value
                && (other.value == 0
                    || state.revision == 0
                    || other.revision == 0
                    || state.revision == other.revision)
        };
        let at = |revision: Revision| match (state.value, revision) {
            (0, 0) => Some(true),
            (0, _) | (_, 0) => Some(false),
            _ => (state.revision != 0).then_some(state.revision == revision),
        };
        match self {
            Self::Anything => true,
            Self::Is(other) => is(other),
            Self::IsNot(other) => !is(other),
            Self::Revision(revision) => at(revision).unwrap_or(true),
            Self::NotRevision(revision) => !at(revision).unwrap_or(false),
            Self::Present => state.value != 0,
        }
    }
}

impl Change {
    fn apply(self, state: State) -> Option<State> {
        let after = match self {
            Self::Nothing => return Some(state),
            Self::Remove(_) if state.value == 0 => return Some(state),
            Self::Remove(revision) => State { value: 0, revision },
            Self::To(after) => after,
        };
        let runs_backwards = after.revision != 0 && after.revision <= state.revision;
        (!runs_backwards).then_some(after)
    }
}

/// More steps than any history without a pathological knot needs.
const BUDGET_STEPS: u64 = 2_000_000;

thread_local! {
    static STEPS_LEFT: Cell<u64> = const { Cell::new(BUDGET_STEPS) };
}

/// Before a search: gives it its budget.
pub fn budget_start() {
    STEPS_LEFT.set(BUDGET_STEPS);
}

/// After a search: true if it was given up, and its result means nothing.
pub fn budget_is_spent() -> bool {
    STEPS_LEFT.get() == 0
}

/// The specification for the search. Its functions have no place for a budget, hence the
/// thread-local count: once it is spent nothing is valid any more, and the search runs out.
pub struct RegisterSpec;

impl Specification for RegisterSpec {
    type State = State;
    type Operation = Step;

    fn init() -> State {
        State::default()
    }

    fn apply(step: &Step, state: &State) -> (bool, State) {
        let left = STEPS_LEFT.get();
        if left == 0 {
            return (false, *state);
        }
        STEPS_LEFT.set(left - 1);
        let after = match step {
            Step::Begin(begin) => (*state == State::default()).then_some(*begin),
            Step::Do { before, change } => {
                let allowed = before.iter().all(|before| before.allows(*state));
                if allowed { change.apply(*state) } else { None }
            }
        };
        (after.is_some(), after.unwrap_or(*state))
    }
}
