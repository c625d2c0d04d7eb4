//! Tables of `storage.k8s.io`.

use super::format::{NONE, UNSET, joined};
use super::kinds::{AGE, Column, Doc, Kind, NAME, Row, boolean, integer, string};
use super::tree::Tree;

macro_rules! storage {
    ($name:literal) => {
        concat!("k8s.io.api.storage.v1.", $name)
    };
}

pub(super) fn find(kind: &str) -> Option<&'static Kind> {
    Some(match kind {
        "CSIDriver" => &CSI_DRIVER,
        "CSINode" => &CSI_NODE,
        "CSIStorageCapacity" => &CSI_STORAGE_CAPACITY,
        "StorageClass" => &STORAGE_CLASS,
        "VolumeAttachment" => &VOLUME_ATTACHMENT,
        "VolumeAttributesClass" => &VOLUME_ATTRIBUTES_CLASS,
        _ => return None,
    })
}

const CSI_DRIVER: Kind = Kind::new(
    &[
        NAME,
        boolean("AttachRequired", Doc::Field(storage!("CSIDriverSpec"), "attachRequired")),
        boolean("PodInfoOnMount", Doc::Field(storage!("CSIDriverSpec"), "podInfoOnMount")),
        boolean("StorageCapacity", Doc::Field(storage!("CSIDriverSpec"), "storageCapacity")),
        string("TokenRequests", Doc::Field(storage!("CSIDriverSpec"), "tokenRequests")),
        boolean("RequiresRepublish", Doc::Field(storage!("CSIDriverSpec"), "requiresRepublish")),
        string("Modes", Doc::Field(storage!("CSIDriverSpec"), "volumeLifecycleModes")),
        AGE,
    ],
    |row, cells| {
        let spec = row.at("spec");
        let tokens = spec.at("tokenRequests");
        let audiences: Vec<&str> = tokens.items().map(|one| one.at("audience").text()).collect();
        let modes = joined(spec.at("volumeLifecycleModes"), ",");
        cells
            .push(row.name())
            .push(spec.at("attachRequired").flag_or(true))
            .push(spec.at("podInfoOnMount").flag())
            .push(spec.at("storageCapacity").flag())
            .push(if tokens.is_set() { audiences.join(",") } else { UNSET.to_owned() })
            .push(spec.at("requiresRepublish").flag())
            .push(if modes.is_empty() { NONE.to_owned() } else { modes })
            .push(row.age());
    },
);

const CSI_NODE: Kind = Kind::new(
    &[
        NAME,
        integer(
            "Drivers",
            Doc::Text("Drivers indicates the number of CSI drivers registered on the node"),
        ),
        AGE,
    ],
    |row, cells| {
        cells.push(row.name()).push(row.at("spec.drivers").len()).push(row.age());
    },
);

const CSI_STORAGE_CAPACITY: Kind = Kind::new(
    &[
        NAME,
        string("StorageClassName", Doc::Field(storage!("CSIStorageCapacity"), "storageClassName")),
        string("Capacity", Doc::Field(storage!("CSIStorageCapacity"), "capacity")),
    ],
    |row, cells| {
        cells
            .push(row.name())
            .push(row.text("storageClassName"))
            .push(row.text_or("capacity", UNSET));
    },
);

const STORAGE_CLASS: Kind = Kind::new(
    &[
        NAME,
        string("Provisioner", Doc::Field(storage!("StorageClass"), "provisioner")),
        string("ReclaimPolicy", Doc::Field(storage!("StorageClass"), "reclaimPolicy")),
        string("VolumeBindingMode", Doc::Field(storage!("StorageClass"), "volumeBindingMode")),
        string(
            "AllowVolumeExpansion",
            Doc::Field(storage!("StorageClass"), "allowVolumeExpansion"),
        ),
        AGE,
    ],
    |row, cells| {
        const MARKS: [&str; 2] = [
            "storageclass.kubernetes.io/is-default-class",
            "storageclass.beta.kubernetes.io/is-default-class",
        ];
        cells
            .push(name_of_class(row, &MARKS))
            .push(row.text("provisioner"))
            .push(row.text_or("reclaimPolicy", "Delete"))
            .push(row.text_or("volumeBindingMode", "Immediate"))
            .push(row.at("allowVolumeExpansion").flag())
            .push(row.age());
    },
);

/// The name, marked where an annotation makes the class the default one.
fn name_of_class(row: &Row<'_>, marks: &[&str]) -> String {
    let annotations: Tree<'_> = row.at("metadata.annotations");
    let default = marks.iter().any(|mark| annotations.key(mark).text() == "true");
    format!("{}{}", row.name(), if default { " (default)" } else { "" })
}

const VOLUME_ATTACHMENT: Kind = Kind::new(
    &[
        NAME,
        Column {
            format: "name",
            ..string("Attacher", Doc::Field(storage!("VolumeAttachmentSpec"), "attacher"))
        },
        string("PV", Doc::Field(storage!("VolumeAttachmentSource"), "persistentVolumeName")),
        string("Node", Doc::Field(storage!("VolumeAttachmentSpec"), "nodeName")),
        boolean("Attached", Doc::Field(storage!("VolumeAttachmentStatus"), "attached")),
        AGE,
    ],
    |row, cells| {
        cells
            .push(row.name())
            .push(row.text("spec.attacher"))
            .push(row.text("spec.source.persistentVolumeName"))
            .push(row.text("spec.nodeName"))
            .push(row.at("status.attached").flag())
            .push(row.age());
    },
);

const VOLUME_ATTRIBUTES_CLASS: Kind = Kind::new(
    &[NAME, string("DriverName", Doc::Field(storage!("VolumeAttributesClass"), "driverName")), AGE],
    |row, cells| {
        const MARKS: [&str; 1] = ["volumeattributesclass.alpha.kubernetes.io/is-default-class"];
        cells.push(name_of_class(row, &MARKS)).push(row.text("driverName")).push(row.age());
    },
);
