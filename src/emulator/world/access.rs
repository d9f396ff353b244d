//! Applications, the inbound webhook, and the subscriptions to events.

/// An application, as created under "Developer resources > Local application".
#[derive(Clone, Debug)]
pub(crate) struct App {
    pub(crate) id: u64,
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
    /// Sent with every event; constant for an installation.
    pub(crate) application_token: String,
    pub(crate) title: String,
    pub(crate) handler: String,
    pub(crate) install: String,
    /// Whether it shows pages in a frame; otherwise it uses the API only.
    pub(crate) interface: bool,
    /// Comma separated, as in `auth[scope]`.
    pub(crate) scope: String,
    /// No event is sent before the installation is finished.
    pub(crate) installed: bool,
}

/// The owner of a bot, a command or a subscription.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Owner {
    /// An OAuth application, by its client id.
    App(String),
    /// A caller through an inbound webhook: v1 by its `CLIENT_ID`, v2 by `custom` and its
    /// `botToken`.
    Webhook(String),
}

/// A row of `b_rest_event`: an event and its address.
#[derive(Clone, Debug)]
pub(crate) struct Subscription {
    /// `event_handler_id`: identifies the row, not the occurrence.
    pub(crate) id: u64,
    pub(crate) owner: Owner,
    /// In upper case.
    pub(crate) event: String,
    /// Empty if the event is stored rather than posted.
    pub(crate) url: String,
    /// The user whose tokens the event carries; `0` for the user who caused it.
    pub(crate) user: u64,
    pub(crate) way: Way,
}

/// How an application gets an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// It is posted; `ONOFFLINEEVENT` at most once in this many seconds.
    Online { min_timeout: i64 },
    /// It is stored until the application fetches it, in the queue of this source; empty for no
    /// source.
    Offline { source: String },
}

impl Subscription {
    /// Returns the source whose queue stores the events; `None` if they are posted.
    pub(crate) fn source(&self) -> Option<&str> {
        match &self.way {
            Way::Online { .. } => None,
            Way::Offline { source } => Some(source),
        }
    }
}

impl Way {
    /// The default of a subscription.
    pub(crate) const PLAIN: Way = Way::Online { min_timeout: 1 };
}

/// The inbound webhook that every portal has here.
#[derive(Clone, Debug)]
pub(crate) struct Webhook {
    pub(crate) user: u64,
    pub(crate) secret: String,
}

impl App {
    /// Whether the application was granted this scope.
    pub(crate) fn has_scope(&self, scope: &str) -> bool {
        scope.is_empty() || self.scope.split(',').any(|granted| granted.trim() == scope)
    }
}

impl super::World {
    /// Returns the subscriptions of an owner to an event, oldest first.
    pub(crate) fn rows(&self, owner: &Owner, event: &str) -> Vec<Subscription> {
        let fits = |row: &&Subscription| row.owner == *owner && row.event == event;
        self.subscriptions.values().filter(fits).cloned().collect()
    }

    /// Returns the number of subscriptions to an event, of all owners.
    pub(crate) fn bound(&self, event: &str) -> usize {
        let rows = self.subscriptions.values();
        rows.filter(|row| row.event == event).count()
    }

    /// Adds a subscription with a new id.
    pub(crate) fn subscribe(&mut self, row: Subscription) {
        let id = self.new_subscription_id();
        self.subscriptions.insert(id, Subscription { id, ..row });
    }

    /// Adds a subscription that posts an event, with the tokens of the user who causes it.
    fn post_to(&mut self, owner: &Owner, event: &str, url: &str) {
        self.subscribe(Subscription {
            id: 0,
            owner: owner.clone(),
            event: event.to_owned(),
            url: url.to_owned(),
            user: 0,
            way: Way::PLAIN,
        });
    }

    /// Adds a subscription to each of these events, unless it exists.
    pub(crate) fn subscribe_once(&mut self, owner: &Owner, events: &[&str], url: &str) {
        for event in events {
            let rows = self.rows(owner, event);
            if !rows.iter().any(|row| row.url == url && row.user == 0) {
                self.post_to(owner, event, url);
            }
        }
    }

    /// Removes an owner's subscriptions to these events.
    pub(crate) fn unsubscribe(&mut self, owner: &Owner, events: &[&str]) {
        self.subscriptions
            .retain(|_, row| row.owner != *owner || !events.contains(&row.event.as_str()));
    }

    /// Replaces all subscriptions of an owner to an event by one, as bot registration of v1 does.
    pub(crate) fn resubscribe(&mut self, owner: &Owner, event: &str, url: &str) {
        self.subscriptions
            .retain(|_, row| row.owner != *owner || row.event != event);
        self.post_to(owner, event, url);
    }

    /// Whether events are sent to this owner.
    pub(crate) fn gets_events(&self, owner: &Owner) -> bool {
        match owner {
            Owner::App(client_id) => self.apps.get(client_id).is_some_and(|app| app.installed),
            Owner::Webhook(_) => true,
        }
    }
}
