PRAGMA application_id = 1213156420;
PRAGMA user_version = 1;
BEGIN TRANSACTION;
CREATE TABLE changes (
    sequence    INTEGER PRIMARY KEY,
    row         INTEGER NOT NULL,
    memory_id   TEXT NOT NULL,
    event       TEXT NOT NULL,
    happened_at INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    actor_id    TEXT,
    role        TEXT,
    before      TEXT,
    checksum    INTEGER NOT NULL
) STRICT;
INSERT INTO "changes" VALUES(1,1,'a39239f0-94d4-4c76-873c-3591d8137bce','ADD',1777593600000000,1795176770374920,NULL,'user',NULL,2364564933);
INSERT INTO "changes" VALUES(2,1,'a39239f0-94d4-4c76-873c-3591d8137bce','UPDATE',1780272000000000,1795176770602782,NULL,'user','{"id":"a39239f0-94d4-4c76-873c-3591d8137bce","text":"I live in Lisbon.","scope":{"user_id":"ana","agent_id":null,"run_id":null,"app_id":null},"created_at":1777593600000000,"updated_at":1777593600000000,"recorded_at":1795176770374920,"actor_id":null,"role":"user","attributed_to":"user","speaker":null,"memory_type":"semantic","metadata":{},"categories":[],"expiration_date":null,"immutable":false}',216346009);
INSERT INTO "changes" VALUES(3,3,'929fdbc8-727f-44b9-a1e3-e763580c9edd','ADD',1780358400000000,1795176770605664,'Ana','user',NULL,2889802196);
CREATE TABLE damaged (
    row     INTEGER PRIMARY KEY,
    problem TEXT NOT NULL,
    content TEXT NOT NULL
) STRICT;
CREATE TABLE memories (
    row             INTEGER PRIMARY KEY,
    id              TEXT NOT NULL UNIQUE,
    text            TEXT NOT NULL,
    user_id         TEXT,
    agent_id        TEXT,
    run_id          TEXT,
    app_id          TEXT,
    actor_id        TEXT,
    role            TEXT,
    attributed_to   TEXT,
    speaker         TEXT,
    memory_type     TEXT NOT NULL,
    metadata        TEXT NOT NULL,
    categories      TEXT NOT NULL,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    recorded_at     INTEGER NOT NULL,
    expiration_date TEXT,
    immutable       INTEGER NOT NULL,
    checksum        INTEGER NOT NULL,
    fingerprint     BLOB UNIQUE
) STRICT;
INSERT INTO "memories" VALUES(1,'a39239f0-94d4-4c76-873c-3591d8137bce','I live in Porto now.','ana',NULL,NULL,NULL,NULL,'user','user',NULL,'semantic','{}','[]',1777593600000000,1780272000000000,1795176770374920,NULL,0,1922511511,X'4943427EF62CAE345E80D48260C00301');
INSERT INTO "memories" VALUES(3,'929fdbc8-727f-44b9-a1e3-e763580c9edd','The spare key is under the blue flowerpot','ana',NULL,'r1',NULL,'Ana','user','user','Ana','episodic','{"room":"garden"}','[]',1780358400000000,1780358400000000,1795176770605664,NULL,0,3879925914,X'BEE585974FA926DB326EC5867C4F0D79');
CREATE TABLE messages (
    number      INTEGER PRIMARY KEY,
    scope       BLOB NOT NULL,
    role        TEXT NOT NULL,
    name        TEXT,
    content     TEXT NOT NULL,
    happened_at INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    checksum    INTEGER NOT NULL
) STRICT;
INSERT INTO "messages" VALUES(1,X'96BD79A7BDC6CEE204F8AD1477C2B6C9','user',NULL,'I live in Lisbon.',1777593600000000,1795176770374920,2764528333);
INSERT INTO "messages" VALUES(2,X'96BD79A7BDC6CEE204F8AD1477C2B6C9','user',NULL,'I live in Porto now.',1780272000000000,1795176770602782,2007188341);
CREATE TABLE settings (
    name     TEXT PRIMARY KEY,
    value    TEXT NOT NULL,
    checksum INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "settings" VALUES('embedder','{"fingerprint":"hashing:1:16","dimensions":16}',1757746703);
INSERT INTO "settings" VALUES('engines','{"llm":{"provider":"rules","config":{}},"embedder":{"provider":"hashing","config":{"dimensions":16}}}',3243465380);
INSERT INTO "settings" VALUES('store_id','"3b7c573c-60b5-4944-ad1a-100385bc5e43"',460440950);
CREATE TABLE sources (
    row     INTEGER NOT NULL REFERENCES memories (row) ON DELETE CASCADE,
    message INTEGER NOT NULL REFERENCES messages (number) ON DELETE CASCADE,
    PRIMARY KEY (row, message)
) STRICT, WITHOUT ROWID;
INSERT INTO "sources" VALUES(1,1);
INSERT INTO "sources" VALUES(1,2);
CREATE TABLE vectors (
    row      INTEGER PRIMARY KEY REFERENCES memories (row) ON DELETE CASCADE,
    vector   BLOB NOT NULL,
    terms    BLOB NOT NULL,
    checksum INTEGER NOT NULL
) STRICT;
INSERT INTO "vectors" VALUES(1,X'A37BD23EC48BFCBD1D2EF8BE00000000A792A63D8F4D82BEADCF193E293639BE4525A53EC5143E3E9B390E3E90E5C6BEA792A63E266139BEFA8AA2BD8070C1BC',X'AF2C0F53828C9E9DCFAC0C91B7EFDC833EB143E14ECBC77DBACAC1A21F41B1E2',385828699);
INSERT INTO "vectors" VALUES(3,X'4D9128BFC1BCF23CC7637ABEA813C1BDA7930F3EF9EA703EAF1234BE05CF30BD5BA1723E4162AD3D4DC61EBE6F4FAFBDAF9282BEC79870BEB361D03EB3CBBC3D',X'E26F9F772AE2AB7AA9AB908AB4CA369E3662F5540DBED51A3EB143E14ECBC77D',3968137450);
CREATE INDEX memories_of_user  ON memories (user_id,  created_at) WHERE user_id  IS NOT NULL;
CREATE INDEX memories_of_agent ON memories (agent_id, created_at) WHERE agent_id IS NOT NULL;
CREATE INDEX memories_of_run   ON memories (run_id,   created_at) WHERE run_id   IS NOT NULL;
CREATE INDEX memories_of_app   ON memories (app_id,   created_at) WHERE app_id   IS NOT NULL;
CREATE INDEX later_changes ON changes (row) WHERE row <> sequence;
CREATE INDEX removals ON changes (memory_id) WHERE event = 'DELETE';
CREATE INDEX messages_of_scope ON messages (scope);
CREATE INDEX sources_of_message ON sources (message);
COMMIT;
