//! Tables of `admissionregistration.k8s.io`.

use super::format::UNSET;
use super::kinds::{AGE, Cells, Column, Doc, Kind, NAME, Row, integer, string};
use super::tree::Tree;

pub(super) fn find(kind: &str) -> Option<&'static Kind> {
    Some(match kind {
        "MutatingWebhookConfiguration" | "ValidatingWebhookConfiguration" => &WEBHOOKS,
        "MutatingAdmissionPolicy" => &MUTATING_POLICY,
        "ValidatingAdmissionPolicy" => &VALIDATING_POLICY,
        "MutatingAdmissionPolicyBinding" | "ValidatingAdmissionPolicyBinding" => &BINDING,
        _ => return None,
    })
}

const WEBHOOKS: Kind = Kind::new(
    &[
        NAME,
        integer(
            "Webhooks",
            Doc::Text("Webhooks indicates the number of webhooks registered in this configuration"),
        ),
        AGE,
    ],
    |row, cells| {
        cells.push(row.name()).push(row.at("webhooks").len()).push(row.age());
    },
);

const PARAM_KIND: Column = string(
    "ParamKind",
    Doc::Text("ParamKind specifies the kind of resources used to parameterize this policy"),
);

const MUTATING_POLICY: Kind = Kind::new(
    &[
        NAME,
        integer(
            "Mutations",
            Doc::Text(
                "Mutation indicates the number of mutations rules defined in this configuration",
            ),
        ),
        PARAM_KIND,
        AGE,
    ],
    |row, cells| policy(row, "spec.mutations", cells),
);

const VALIDATING_POLICY: Kind = Kind::new(
    &[
        NAME,
        integer(
            "Validations",
            Doc::Text(
                "Validations indicates the number of validation rules defined in this configuration",
            ),
        ),
        PARAM_KIND,
        AGE,
    ],
    |row, cells| policy(row, "spec.validations", cells),
);

fn policy(row: &Row<'_>, rules: &str, cells: &mut Cells) {
    let kind = row.at("spec.paramKind");
    let text = match kind.is_set() {
        true => format!("{}/{}", kind.at("apiVersion").text(), kind.at("kind").text()),
        false => UNSET.to_owned(),
    };
    cells.push(row.name()).push(row.at(rules).len()).push(text).push(row.age());
}

const BINDING: Kind = Kind::new(
    &[
        NAME,
        string(
            "PolicyName",
            Doc::Text(
                "PolicyName indicates the policy definition which the policy binding binded to",
            ),
        ),
        string(
            "ParamRef",
            Doc::Text("ParamRef indicates the param resource which sets the configration param"),
        ),
        AGE,
    ],
    |row, cells| {
        cells
            .push(row.name())
            .push(row.text("spec.policyName"))
            .push(param_ref(row.at("spec.paramRef")))
            .push(row.age());
    },
);

fn param_ref(param: Tree<'_>) -> String {
    let (name, selector) = (param.at("name").text(), param.at("selector"));
    match name {
        "" if selector.is_set() => go_selector(selector),
        "" => UNSET.to_owned(),
        // Whether the parameter has a namespace cannot be told from here.
        _ => format!("{}/{name}", param.at("namespace").text_or("*")),
    }
}

/// A label selector as Go prints the message.
fn go_selector(selector: Tree<'_>) -> String {
    let labels = selector.at("matchLabels").sorted_fields();
    let labels: String =
        labels.iter().map(|(key, value)| format!("{key}: {},", value.text())).collect();
    let expressions = selector.at("matchExpressions").items().map(|one| {
        let values: Vec<&str> = one.at("values").items().map(Tree::text).collect();
        let (key, operator) = (one.at("key").text(), one.at("operator").text());
        let values = values.join(" ");
        format!("LabelSelectorRequirement{{Key:{key},Operator:{operator},Values:[{values}],}},")
    });
    let expressions: String = expressions.collect();
    format!(
        "&LabelSelector{{MatchLabels:map[string]string{{{labels}}},MatchExpressions:[]LabelSelectorRequirement{{{expressions}}},}}"
    )
}
