//! Calls to people, and decisions.

use super::*;

impl Asking<'_> {
    pub(super) async fn decisions(&self) {
        let all = self.store.decisions(self.scope(), None, 100).await.unwrap();
        assert!(all.iter().all(|(_, decision)| self.mine(&decision.host)), "{all:?}");
    }

    pub(super) async fn calls(&self) {
        let all = self.store.calls(self.reach(), at(0)).await.unwrap();
        assert!(all.iter().all(|call| call.tenant == tenant(self.n)), "{all:?}");
    }

    pub(super) async fn call(&self) {
        let found = self.store.call(self.reach(), self.of as u64 + 1).await.unwrap();
        assert_eq!(found.map(|(.., of)| of.tenant.clone()), self.ours().then(|| tenant(self.n)));
    }

    pub(super) async fn hold_call(&self) {
        let jane = || "jane".parse().unwrap();
        let held =
            self.store.hold_call(self.reach(), self.of as u64 + 1, jane(), jane(), at(1)).await.unwrap();
        assert_eq!(held.is_some(), self.ours());
    }

    pub(super) async fn end_call(&self) {
        let ended =
            self.store.end_call(self.reach(), self.of as u64 + 1, "jane".parse().unwrap(), at(1)).await;
        assert_eq!(
            matches!(ended.unwrap(), Ending::NoneSuch),
            !self.ours(),
            "it is about a control: nobody's word ends it"
        );
    }
}
