-- Every way out, and the gate at the wire.

-- == the gateway ==

-- == webhooks out ==

-- == the chat and the preference page ==

-- == the snapshot ==
