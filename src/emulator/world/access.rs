//! Who may call: applications, the inbound webhook, and the rows that say which event goes where.

/// An application made in the portal, as "Developer resources > Local application" makes it.
#[derive(Debug, Clone)]
pub(crate) struct App {
    pub(crate) id: u64,
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
    /// Sent with every event; stable for the installation.
    pub(crate) application_token: String,
    pub(crate) title: String,
    pub(crate) handler: String,
    pub(crate) install: String,
    /// Shows a page in a frame; otherwise it uses the API only.
    pub(crate) interface: bool,
    /// Comma separated, as `auth[scope]` carries it.
    pub(crate) scope: String,
    /// No event leaves before the installation is finished.
    pub(crate) installed: bool,
}

/// The owner of a bot, a command or a subscription.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Owner {
    /// An OAuth application, by its client id.
    App(String),
    /// Whoever calls through an inbound webhook: version 1 by its `CLIENT_ID`, version 2 by `custom` and its `botToken`.
    Webhook(String),
}

/// A row of `b_rest_event`: the event, and where it goes.
#[derive(Debug, Clone)]
pub(crate) struct Subscription {
    /// `event_handler_id`: names the row, not the occurrence.
    pub(crate) id: u64,
    pub(crate) owner: Owner,
    /// Upper case.
    pub(crate) event: String,
    pub(crate) url: String,
    /// The user whose tokens the event carries; `0` for whoever caused it.
    pub(crate) user: u64,
}

/// The inbound webhook that every portal here is born with.
#[derive(Debug, Clone)]
pub(crate) struct Webhook {
    pub(crate) user: u64,
    pub(crate) secret: String,
}

impl App {
    /// Whether the application was granted this scope.
    pub(crate) fn may(&self, scope: &str) -> bool {
        scope.is_empty() || self.scope.split(',').any(|granted| granted.trim() == scope)
    }
}

impl super::World {
    /// The rows of one owner for one event, oldest first.
    pub(crate) fn rows(&self, owner: &Owner, event: &str) -> Vec<Subscription> {
        let fits = |row: &&Subscription| row.owner == *owner && row.event == event;
        self.subscriptions.values().filter(fits).cloned().collect()
    }

    /// Adds a row; nothing but its id tells it from an older one.
    pub(crate) fn subscribe(&mut self, owner: &Owner, event: &str, url: &str, user: u64) {
        let id = self.new_subscription_id();
        let row = Subscription {
            id,
            owner: owner.clone(),
            event: event.to_owned(),
            url: url.to_owned(),
            user,
        };
        self.subscriptions.insert(id, row);
    }

    /// Adds a row for each of these events, unless there is one already.
    pub(crate) fn subscribe_once(&mut self, owner: &Owner, events: &[&str], url: &str) {
        for event in events {
            let rows = self.rows(owner, event);
            if !rows.iter().any(|row| row.url == url && row.user == 0) {
                self.subscribe(owner, event, url, 0);
            }
        }
    }

    /// Removes what an owner has subscribed to among these events.
    pub(crate) fn unsubscribe(&mut self, owner: &Owner, events: &[&str]) {
        self.subscriptions
            .retain(|_, row| row.owner != *owner || !events.contains(&row.event.as_str()));
    }

    /// Puts one row in the place of all that the owner had for this event, as bot registration of v1 does.
    pub(crate) fn resubscribe(&mut self, owner: &Owner, event: &str, url: &str) {
        self.subscriptions
            .retain(|_, row| row.owner != *owner || row.event != event);
        self.subscribe(owner, event, url, 0);
    }

    /// Whether events of this owner are sent at all.
    pub(crate) fn is_listening(&self, owner: &Owner) -> bool {
        match owner {
            Owner::App(client_id) => self.apps.get(client_id).is_some_and(|app| app.installed),
            Owner::Webhook(_) => true,
        }
    }
}
