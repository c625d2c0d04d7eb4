//! Custom resources of definitions like those of well-known operators: what is kept of an object,
//! what it is completed with, and what is said against it.

#[path = "custom/made.rs"]
mod made;
#[path = "custom/world.rs"]
mod world;

use world::{World, errors};

const CERTIFICATE: &str = include_str!("custom/certificate.yaml");
const APPLICATION: &str = include_str!("custom/application.yaml");

#[test]
fn a_certificate_is_completed() {
    let world = World::new(CERTIFICATE);
    let object = world.admit("{metadata: {name: a}, spec: {secretName: s, issuerRef: {name: i}}}");
    assert_eq!(
        object.expect("valid"),
        r#"{"kind":"Certificate","apiVersion":"pki.example.com/v1","metadata":{"name":"a"},"spec":{"encodeUsagesInRequest":true,"issuerRef":{"kind":"Issuer","name":"i"},"privateKey":{"algorithm":"RSA","encoding":"PKCS1"},"secretName":"s"}}"#
    );
}

/// Specifications, and what is wrong with them.
const SPECS: &[(&str, &str)] = &[
    ("{}", "spec.issuerRef: Required value; spec.secretName: Required value"),
    (
        "{issuerRef: {name: i}, secretName: ''}",
        "spec.secretName: Invalid value: \"\": spec.secretName in body should be at least 1 chars long",
    ),
    ("{issuerRef: {}, secretName: s}", "spec.issuerRef.name: Required value"),
    (
        "{issuerRef: {name: i, group: '-'}, secretName: s}",
        r#"spec.issuerRef.group: Invalid value: "-": spec.issuerRef.group in body should match '^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*)?$'"#,
    ),
];

/// Fields of a specification that is right but for them.
const FIELDS: &[(&str, &str)] = &[
    (
        "dnsNames: [a.example, b.example, a.example]",
        r#"spec.dnsNames[2]: Duplicate value: "a.example""#,
    ),
    (
        "dnsNames: ['*.example']",
        r#"spec.dnsNames[0]: Invalid value: "*.example": spec.dnsNames[0] in body must be of type hostname: "*.example""#,
    ),
    (
        "ipAddresses: [1.1.1.1, 2.2.2.2, 3.3.3.3, 4.4.4.4]",
        "spec.ipAddresses: Too many: 4: must have at most 3 items",
    ),
    (
        "usages: [signing, drawing]",
        r#"spec.usages[1]: Unsupported value: "drawing": supported values: "signing", "digital signature", "key encipherment", "server auth", "client auth""#,
    ),
    (
        "isCA: 1",
        r#"spec.isCA: Invalid value: "integer": spec.isCA in body must be of type boolean: "integer""#,
    ),
    (
        "revisionHistoryLimit: -1",
        "spec.revisionHistoryLimit: Invalid value: -1: spec.revisionHistoryLimit in body should be greater than or equal to 0",
    ),
    (
        "revisionHistoryLimit: 3000000000",
        "<nil>: Invalid value: \"\": Checked value must be of type integer with format int32 in spec.revisionHistoryLimit",
    ),
    (
        "renewBeforePercentage: 1.5",
        r#"spec.renewBeforePercentage: Invalid value: "float64": spec.renewBeforePercentage in body must be of type int32: "float64"; <nil>: Invalid value: "": Checked value must be of type integer with format int32 in spec.renewBeforePercentage"#,
    ),
    (
        "commonName: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "spec.commonName: Too long: may not be more than 64 bytes",
    ),
    (
        "secretTemplate: {labels: {a: '1', b: '2', c: '3'}}",
        "spec.secretTemplate.labels: Too many: 3: must have at most 2 items",
    ),
    (
        "secretTemplate: {annotations: {a: 1}}",
        r#"spec.secretTemplate.annotations.a: Invalid value: "integer": spec.secretTemplate.annotations.a in body must be of type string: "integer""#,
    ),
    (
        "secretTemplate: []",
        r#"spec.secretTemplate: Invalid value: "array": spec.secretTemplate in body must be of type object: "array""#,
    ),
    (
        "privateKey: {algorithm: ECDSA, size: 256}",
        "<nil>: Invalid value: \"\": \"spec.privateKey\" must validate one and only one schema (oneOf). Found none valid; spec.privateKey.algorithm: Unsupported value: \"ECDSA\": supported values: \"RSA\"",
    ),
    (
        "privateKey: {size: 12}",
        "spec.privateKey.size: Invalid value: 12: spec.privateKey.size in body should be a multiple of 8",
    ),
    (
        "additionalOutputFormats: [{type: DER}, {type: DER, comment: x}]",
        r#"spec.additionalOutputFormats[1]: Duplicate value: {"type":"DER"}"#,
    ),
    (
        "keystores: {pkcs12: {create: true}}",
        "spec.keystores.pkcs12.passwordSecretRef: Required value",
    ),
    (
        "nameConstraints: {permitted: {ipRanges: [10.0.0.0]}}",
        r#"spec.nameConstraints.permitted.ipRanges[0]: Invalid value: "10.0.0.0": spec.nameConstraints.permitted.ipRanges[0] in body must be of type cidr: "10.0.0.0""#,
    ),
];

#[test]
fn what_a_certificate_must_be() {
    let world = World::new(CERTIFICATE);
    for (spec, expected) in SPECS {
        assert_eq!(errors(&world, spec), *expected);
    }
    for (field, expected) in FIELDS {
        let spec = format!("{{issuerRef: {{name: i}}, secretName: s, {field}}}");
        assert_eq!(errors(&world, &spec), *expected, "{field}");
    }
}

#[test]
fn nulls_are_kept_where_they_are_allowed() {
    let world = World::new(CERTIFICATE);
    let spec = "{issuerRef: {name: i, kind: null}, secretName: s, isCA: null, privateKey: null,
        additionalOutputFormats: [{type: DER, comment: null}]}";
    let object = world.admit(&format!("{{metadata: {{name: a}}, spec: {spec}}}")).expect("valid");
    let expected = r#""spec":{"additionalOutputFormats":[{"comment":null,"type":"DER"}],"encodeUsagesInRequest":true,"issuerRef":{"kind":"Issuer","name":"i"},"privateKey":{"algorithm":"RSA","encoding":"PKCS1"},"secretName":"s"}"#;
    assert!(object.contains(expected), "{object}");
}

#[test]
fn unknown_and_duplicate_fields_are_told_in_order() {
    let world = World::new(APPLICATION);
    let json = r#"{"apiVersion":"delivery.example.com/v1","kind":"Application","zz":1,
        "metadata":{"name":"a","odd":1,"labels":{"x":"1","x":"2"}},
        "spec":{"project":"p","project":"q","destination":{"sever":"s"},
        "windows":[[{"a":1}]],"limits":{"k.l":[{"b":2}]},
        "manifest":{"apiVersion":"v1","kind":"ConfigMap","metadata":{"nome":"x"},"data":{"a":"b"}},
        "hooks":[{"apiVersion":"v1","kind":"Pod","metadata":{"name":"x","y":1},"spec":{"z":1},"w":1}]}}"#;
    assert_eq!(
        world.strict_errors(json),
        [
            r#"duplicate field "metadata.labels.x""#,
            r#"duplicate field "spec.project""#,
            r#"unknown field "metadata.odd""#,
            r#"unknown field "spec.destination.sever""#,
            r#"unknown field "spec.hooks[0].spec.z""#,
            r#"unknown field "spec.hooks[0].w""#,
            r#"unknown field "spec.limits.k.l[0].b""#,
            r#"unknown field "spec.windows[0][0].a""#,
            r#"unknown field "zz""#,
            r#"unknown field "spec.hooks[0].metadata.y""#,
            r#"unknown field "spec.manifest.metadata.nome""#,
        ]
    );
}

#[test]
fn what_is_not_described_is_kept_where_it_may_be() {
    let world = World::new(APPLICATION);
    let object = world.admit(
        "{metadata: {name: a}, spec: {project: p, destination: {}, lost: 1,
          source: {repoURL: u, helm: {valuesObject: {b: [{d: 1.0, c: 2.5}], a: null}, lost: 1}},
          manifest: {apiVersion: v1, kind: Pod, metadata: {labels: {b: '1', a: '2'}, lost: 1}, x: 1},
          limits: {b: [3, 1]}}}",
    );
    assert_eq!(
        object.expect("valid"),
        r#"{"kind":"Application","apiVersion":"delivery.example.com/v1","metadata":{"name":"a"},"spec":{"destination":{},"limits":{"b":[3,1]},"manifest":{"apiVersion":"v1","kind":"Pod","metadata":{"labels":{"a":"2","b":"1"}},"x":1},"project":"p","source":{"helm":{"valuesObject":{"a":null,"b":[{"c":2.5,"d":1}]}},"repoURL":"u"}}}"#
    );
}

#[test]
fn what_an_application_must_be() {
    let world = World::new(APPLICATION);
    for (field, expected) in [
        ("windows: [[a, b, c]]", "spec.windows[0]: Too many: 3: must have at most 2 items"),
        ("limits: {a: [1, 2, 1]}", "spec.limits[a][2]: Duplicate value: 1"),
        (
            "limits: {a: [x]}",
            r#"spec.limits.a[0]: Invalid value: "string": spec.limits.a[0] in body must be of type integer: "string""#,
        ),
        (
            "overrides: {a: '1'}",
            r#"spec.overrides.a: Invalid value: "string": spec.overrides.a in body must be of type number: "string""#,
        ),
        ("manifest: {kind: Pod}", "spec.manifest.apiVersion: Required value"),
        (
            "manifest: {kind: p_d, apiVersion: a/b/c}",
            "spec.manifest.apiVersion: Invalid value: \"a/b/c\": unexpected GroupVersion string: a/b/c; spec.manifest.kind: Invalid value: \"p_d\": may have mixed case, but should otherwise match: a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')",
        ),
        (
            "manifest: {kind: Pod, apiVersion: v1, metadata: {labels: {'-': a}}}",
            "spec.manifest.metadata.labels",
        ),
    ] {
        let found = errors(&world, &format!("{{project: p, destination: {{}}, {field}}}"));
        assert!(found.starts_with(expected), "{field}\n{found}");
    }
    let named =
        "{metadata: {name: a-name-that-is-far-too-long}, spec: {project: p, destination: {}}}";
    let found = world.admit(named).expect_err("too long");
    assert_eq!(found, ["metadata.name: Too long: may not be more than 20 bytes"]);
}

#[test]
fn what_an_update_leaves_as_it_was_is_tolerated() {
    let world = World::new(CERTIFICATE);
    let of = |field: &str| {
        format!(
            "{{metadata: {{name: a}}, spec: {{issuerRef: {{name: i}}, secretName: s, {field}}}}}"
        )
    };
    // What an earlier definition let pass.
    let old =
        of("usages: [drawing], additionalOutputFormats: [{type: X}, {type: DER}], isCA: 'no'");
    for (new, expected) in [
        ("usages: [drawing], isCA: 'no', duration: 1h", ""),
        ("usages: [drawing, signing], isCA: 'no'", "spec.usages[0]: Unsupported value"),
        ("isCA: 'yes'", "spec.isCA: Invalid value"),
        ("additionalOutputFormats: [{type: DER, comment: c}, {type: X}]", ""),
        ("additionalOutputFormats: [{type: X, comment: c}]", ""),
        (
            "additionalOutputFormats: [{type: Z}]",
            "spec.additionalOutputFormats[0].type: Unsupported",
        ),
        (
            "additionalOutputFormats: [{type: X}, {type: X}]",
            "spec.additionalOutputFormats[1]: Duplicate",
        ),
    ] {
        let found = world.update(&old, &of(new)).join("; ");
        let right =
            if expected.is_empty() { found.is_empty() } else { found.starts_with(expected) };
        assert!(right, "{new}\n{found}");
    }
}

#[test]
fn a_status_is_judged_alone() {
    let world = World::new(CERTIFICATE);
    let of =
        |status: &str| format!("{{metadata: {{name: a}}, spec: {{isCA: 'no'}}, status: {status}}}");
    let old = of("{revision: 1}");
    for (new, expected) in [
        ("{revision: 2}", ""),
        (
            "{revision: x}",
            r#"status.revision: Invalid value: "string": revision in body must be of type integer: "string""#,
        ),
        (
            "{notAfter: soon}",
            r#"status.notAfter: Invalid value: "soon": notAfter in body must be of type date-time: "soon""#,
        ),
        ("{conditions: [{type: Ready}]}", "status.conditions[0].status: Required value"),
        ("[]", r#"status: Invalid value: "array":  in body must be of type object: "array""#),
    ] {
        assert_eq!(world.update_status(&old, &of(new)).join("; "), expected, "{new}");
    }
}

#[test]
fn versions_keep_what_they_know() {
    let world = World::new(APPLICATION);
    let old = "{apiVersion: delivery.example.com/v1alpha1, kind: Application, metadata: {name: a},
        spec: {source: {any: 1, repoURL: u}}}";
    // Written when the older version was stored: its defaults, then what the new one knows.
    assert_eq!(
        world.read_stored(old, "v1"),
        r#"{"kind":"Application","apiVersion":"delivery.example.com/v1","metadata":{"name":"a"},"spec":{"project":"default","source":{"repoURL":"u"}}}"#
    );
    assert_eq!(
        world.read_stored(old, "v1alpha1"),
        r#"{"kind":"Application","apiVersion":"delivery.example.com/v1alpha1","metadata":{"name":"a"},"spec":{"project":"default","source":{"any":1,"repoURL":"u"}}}"#
    );
    let version = world.resource.version("v1alpha1").expect("served");
    let warning = version.deprecation.as_deref();
    let expected = "delivery.example.com/v1alpha1 Application is deprecated; use delivery.example.com/v1 Application";
    assert_eq!(warning, Some(expected));
    assert_eq!(&*world.resource.versions[0].name, "v1", "the order of preference");
}

#[test]
fn lists_and_maps_of_the_definition_merge() {
    let world = World::new(CERTIFICATE);
    let of = |field: &str| {
        format!(
            "{{apiVersion: pki.example.com/v1, kind: Certificate, metadata: {{name: a}}, spec: {{{field}}}}}"
        )
    };
    let one = of(
        "issuerRef: {name: i}, secretName: s, dnsNames: [b.example], additionalOutputFormats: [{type: DER}]",
    );
    let other = of(
        "dnsNames: [a.example], additionalOutputFormats: [{type: CombinedPEM, comment: x}], usages: [signing]",
    );
    let live = world.apply(None, &one, "one").expect("applied");
    let live = world.apply(Some(&live), &other, "other").expect("applied");
    let spec = r#""spec":{"additionalOutputFormats":[{"type":"DER"},{"comment":"x","type":"CombinedPEM"}],"dnsNames":["b.example","a.example"],"issuerRef":{"name":"i"},"secretName":"s","usages":["signing"]}"#;
    assert!(world::text(&live).contains(spec), "{}", world::text(&live));
    let conflict = world.apply(Some(&live), &of("usages: [server auth]"), "third");
    let conflict = conflict.expect_err("an atomic list has one owner");
    assert_eq!(
        conflict.message,
        "Apply failed with 1 conflict: conflict with \"other\": .spec.usages"
    );
    // What only one applied goes with it.
    let live = world.apply(Some(&live), &of("dnsNames: [a.example]"), "other").expect("applied");
    let spec = r#""spec":{"additionalOutputFormats":[{"type":"DER"}],"dnsNames":["b.example","a.example"],"issuerRef":{"name":"i"},"secretName":"s"}"#;
    assert!(world::text(&live).contains(spec), "{}", world::text(&live));
    let undeclared = world.apply(Some(&live), &of("odd: 1"), "other").expect_err("unknown");
    assert!(
        undeclared.message.ends_with(".spec.odd: field not declared in schema"),
        "{undeclared}"
    );
}

#[test]
fn free_and_atomic_parts_are_owned_as_declared() {
    let world = World::new(APPLICATION);
    let of = |field: &str| {
        format!(
            "{{apiVersion: delivery.example.com/v1, kind: Application, metadata: {{name: a}}, spec: {{{field}}}}}"
        )
    };
    let live = world.apply(
        None,
        &of("project: p, overrides: {a: 1.5}, limits: {a: [1], b: [2]}, windows: [[a, b]],
            manifest: {apiVersion: v1, kind: Pod, metadata: {labels: {a: b}}, data: {x: [1]}}"),
        "one",
    );
    let live = live.expect("applied");
    assert_eq!(
        world::owned(&live),
        r#"{"f:spec":{"f:limits":{"f:a":{".":{},"v:1":{}},"f:b":{".":{},"v:2":{}}},"f:manifest":{"f:apiVersion":{},"f:data":{".":{},"f:x":{}},"f:kind":{},"f:metadata":{"f:labels":{"f:a":{}}}},"f:overrides":{},"f:project":{},"f:windows":{}}}"#
    );
}

#[test]
fn definitions_of_pods_are_served() {
    for (made, parts_min) in [(made::workflow(), 3_000), (made::monitor(), 1_000)] {
        let text = serde_json::to_string(&made).expect("serializable");
        let world = World::new(&text);
        let parts = text.matches("\"type\"").count();
        println!("{} bytes, {parts} schemas", text.len());
        assert!(parts > parts_min, "{parts}");
        let openapi = world.resource.versions[0].openapi.as_ref().expect("a schema");
        assert!(openapi.to_value().get("properties").is_some());
    }
}

#[test]
fn a_pod_inside_is_treated_as_a_pod() {
    let world = World::new(&serde_json::to_string(&made::workflow()).expect("serializable"));
    let object = world.admit(
        "{metadata: {name: a}, spec: {entrypoint: main, templates: [{name: main,
          containers: [{name: c, image: i, ports: [{containerPort: 80}, {containerPort: 80, protocol: UDP}],
            resources: {limits: {cpu: 1, memory: 1Gi}},
            livenessProbe: {httpGet: {port: http}, lost: 1}}],
          steps: [[{name: a, withItems: [1, x, {k: v}]}], [{name: b}]]}]}}",
    );
    assert_eq!(
        object.expect("valid"),
        r#"{"kind":"Workflow","apiVersion":"large.example.com/v1","metadata":{"name":"a"},"spec":{"entrypoint":"main","templates":[{"containers":[{"image":"i","livenessProbe":{"httpGet":{"port":"http"}},"name":"c","ports":[{"containerPort":80,"protocol":"TCP"},{"containerPort":80,"protocol":"UDP"}],"resources":{"limits":{"cpu":1,"memory":"1Gi"}}}],"name":"main","steps":[[{"name":"a","withItems":[1,"x",{"k":"v"}]}],[{"name":"b"}]]}]}}"#
    );
    for (container, expected) in [
        (
            "{name: c, ports: [{containerPort: 1}, {containerPort: 1, protocol: TCP}]}",
            r#"spec.templates[0].containers[0].ports[1]: Duplicate value: {"containerPort":1,"protocol":"TCP"}"#,
        ),
        ("{image: i}", "spec.templates[0].containers[0].name: Required value"),
        (
            "{name: c, resources: {limits: {cpu: lots}}}",
            "spec.templates[0].containers[0].resources.limits.cpu: Invalid value: \"lots\": spec.templates[0].containers[0].resources.limits.cpu in body should match",
        ),
        (
            "{name: c, resources: {limits: {cpu: [1]}}}",
            "<nil>: Invalid value: \"\": \"spec.templates[0].containers[0].resources.limits.cpu\" must validate at least one schema (anyOf)",
        ),
    ] {
        let found = errors(
            &world,
            &format!("{{entrypoint: e, templates: [{{name: t, containers: [{container}]}}]}}"),
        );
        assert!(found.contains(expected), "{container}\n{found}");
    }
}

#[test]
fn columns_and_selectors_follow_the_definition() {
    let world = World::new(CERTIFICATE);
    let of = "{metadata: {name: a}, spec: {secretName: s, issuerRef: {name: i}},
        status: {conditions: [{type: Issuing, status: 'False'}, {type: Ready, status: 'True'}]}}";
    assert_eq!(world.cells(of), r#"["a","True","s","i",null]"#);
    let field = &world.resource.versions[0].selectable[0];
    assert_eq!(&*field.name, "spec.issuerRef.name");
    assert_eq!(field.value(&world.value(of)), "i");
}
