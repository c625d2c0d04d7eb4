//! Tables of the groups in which API servers speak of themselves.

use super::format::{UNSET, condition, some_of};
use super::kinds::{AGE, Doc, Kind, NAME, Row, string};

const STORAGE_STATUS: &str = "k8s.io.api.apiserverinternal.v1alpha1.StorageVersionStatus";

pub(super) fn find(kind: &str) -> Option<&'static Kind> {
    Some(match kind {
        "APIService" => &API_SERVICE,
        "StorageVersion" => &STORAGE_VERSION,
        "StorageVersionMigration" => &STORAGE_VERSION_MIGRATION,
        _ => return None,
    })
}

const API_SERVICE: Kind = Kind::new(
    &[
        NAME,
        string("Service", Doc::Text("The reference to the service that hosts this API endpoint.")),
        string("Available", Doc::Text("Whether this service is available.")),
        AGE,
    ],
    |row, cells| {
        let service = row.at("spec.service");
        let service = match service.is_set() {
            true => format!("{}/{}", service.at("namespace").text(), service.at("name").text()),
            false => "Local".to_owned(),
        };
        cells.push(row.name()).push(service).push(available(row)).push(row.age());
    },
);

fn available(row: &Row<'_>) -> String {
    let Some(found) = condition(row.at("status.conditions"), "Available") else {
        return "Unknown".to_owned();
    };
    match (found.at("status").text(), found.at("reason").text()) {
        (status, "") | (status @ "True", _) => status.to_owned(),
        (status, reason) => format!("{status} ({reason})"),
    }
}

const STORAGE_VERSION: Kind = Kind::new(
    &[
        NAME,
        string("CommonEncodingVersion", Doc::Field(STORAGE_STATUS, "commonEncodingVersion")),
        string("StorageVersions", Doc::Field(STORAGE_STATUS, "storageVersions")),
        AGE,
    ],
    |row, cells| {
        let versions = row.at("status.storageVersions").items().map(|one| {
            format!("{}={}", one.at("apiServerID").text(), one.at("encodingVersion").text())
        });
        let versions: Vec<String> = versions.collect();
        cells
            .push(row.name())
            .push(row.text_or("status.commonEncodingVersion", UNSET))
            .push(some_of(&versions, 3))
            .push(row.age());
    },
);

const STORAGE_VERSION_MIGRATION: Kind = Kind::new(
    &[
        string("Name", NAME.doc),
        string("Resource", Doc::Text("Fully qualified resource to migrate")),
    ],
    |row, cells| {
        let resource = row.at("spec.resource");
        let [name, version, group] =
            ["resource", "version", "group"].map(|f| resource.at(f).text());
        cells.push(row.name()).push(format!("{name}.{version}.{group}"));
    },
);
