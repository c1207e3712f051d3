import bin_packing from "../../plugins/functions/bin_packing/task.ts";
import { shipped } from "../testing/shipped.ts";

shipped("bin_packing", bin_packing, ["worse", "better", "better"]);
