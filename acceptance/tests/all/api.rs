//! `/api/v1`: it keeps the word of its document, on both databases.

use wlcg_acceptance::programs::Deployment;
use wlcg_acceptance::schemathesis::must_keep_its_word;
use wlcg_package_collector::store::Store;

use super::matrix::{FIRST, Random, import, reports};

on_both_databases!(keeps_the_word_of_its_document);

fn filled(deployment: &Deployment) {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(async {
        let store = Store::open(&deployment.database).await.unwrap();
        reports(&store, &mut Random(3), 40).await;
        import(&store, FIRST, 1).await;
    });
}

fn keeps_the_word_of_its_document(deployment: &Deployment) {
    filled(deployment);
    let collector = deployment.serve(&[]);
    must_keep_its_word(&format!("{}/api/v1/openapi.json", collector.url), &[]);
}
