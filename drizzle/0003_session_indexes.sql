CREATE INDEX "sessions_user_id_id_idx" ON "sessions" USING btree ("user_id","id");--> statement-breakpoint
CREATE INDEX "sessions_open_idx" ON "sessions" USING btree ("user_id","id") WHERE revoked_at is null;--> statement-breakpoint
CREATE INDEX "tokens_open_idx" ON "tokens" USING btree ("session_id") WHERE used_at is null and revoked_at is null;--> statement-breakpoint
-- Last, since its lock keeps readers out too.
DROP INDEX "sessions_user_id_idx";