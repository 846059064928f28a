//! Writes the packets of made-up months into a directory, in every form but print: `scenes DIRECTORY`. For whoever validates them, or looks at them.
#![expect(clippy::unwrap_used, reason = "whatever fails here is shown as it is")]

use std::path::PathBuf;

use contract::digest::Digest;
use packet::sample::Scene;
use packet::{
    Paper, Sheet, assessment_results, document, html, incidents_csv, ocsf, plan_of_action, postcard,
};

fn main() {
    let directory = PathBuf::from(std::env::args().nth(1).unwrap());
    for (name, scene) in Scene::all() {
        let place = directory.join(name);
        std::fs::create_dir_all(&place).unwrap();
        let write = |file: &str, bytes: &[u8]| std::fs::write(place.join(file), bytes).unwrap();
        let packet = scene.packet();
        let json = packet.to_json().unwrap();
        let digest = Digest::of(&json);
        write("packet.json", &json);
        write("incidents.csv", incidents_csv(&packet).as_bytes());
        write("ocsf.ndjson", ocsf(&packet).as_bytes());
        write("assessment-results.json", assessment_results(&packet, digest).to_string().as_bytes());
        if let Some(plan) = plan_of_action(&packet, digest) {
            write("plan-of-action-and-milestones.json", plan.to_string().as_bytes());
        }
        let brand = Scene::brand();
        for (kind, document) in
            [("packet", document(&packet, &brand).unwrap()), ("postcard", postcard(&packet, &brand).unwrap())]
        {
            write(&format!("{kind}.html"), html(&document).as_bytes());
            let sheet = Sheet { document, paper: Paper::Letter, attached: Vec::new() };
            write(&format!("{kind}.sheet.json"), &serde_json::to_vec(&sheet).unwrap());
        }
    }
}
